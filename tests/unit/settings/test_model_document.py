"""The text of model.yaml."""

import pytest

from dragoman.core.errors import DragomanError
from dragoman.settings.model import FeatureSettings, ModelSettings, SignatureSettings, VersionPolicy
from dragoman.settings.model_document import read_model_settings


@pytest.mark.parametrize(
    ("written", "policy"),
    [
        ("all", VersionPolicy(all=True)),
        ("latest", VersionPolicy(latest=1)),
        ("{latest: 3}", VersionPolicy(latest=3)),
        ("{all: true}", VersionPolicy(all=True)),
        ("{specific: [1, 3]}", VersionPolicy(specific=(1, 3))),
        ("[1, 3]", VersionPolicy(specific=(1, 3))),
    ],
)
def test_versions_may_be_written_in_several_ways(written: str, policy: VersionPolicy) -> None:
    assert read_model_settings(f"versions: {written}", "model.yaml").versions == policy


@pytest.mark.parametrize(
    "written", ["some", "3", "[]", "[x]", "[-1]", "{latest: 0}", "{newest: 1}", "true", "~"]
)
def test_other_ways_to_write_versions_are_refused_with_their_line(written: str) -> None:
    with pytest.raises(DragomanError, match=r"model.yaml:2: versions"):
        read_model_settings(f"engine: onnx\nversions: {written}", "model.yaml")


def test_every_part_of_a_model_is_read() -> None:
    text = """
engine: onnx
options: {intra_op_threads: 2}
labels: {stable: 1, canary: 2}
signatures:
  serving_default: {inputs: {x: input}, outputs: {y: output}}
  rate: {method: regress, inputs: {x: input}, outputs: {outputs: output}}
features:
  x: {dtype: float32, shape: [2], default: [0, 1.5]}
classes: [cat, dog]
add_trailing_axis: true
"""
    assert read_model_settings(text, "model.yaml") == ModelSettings(
        engine="onnx",
        options={"intra_op_threads": 2},
        labels={"stable": 1, "canary": 2},
        signatures={
            "serving_default": SignatureSettings(inputs={"x": "input"}, outputs={"y": "output"}),
            "rate": SignatureSettings(method="regress", inputs={"x": "input"}, outputs={"outputs": "output"}),
        },
        features={"x": FeatureSettings(dtype="float32", shape=(2,), default=[0, 1.5])},
        classes=["cat", "dog"],
        add_trailing_axis=True,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("labels: {stable: -1}", "model.yaml:1: labels.stable: expected int >= 0"),
        ("features: {x: {dtype: float}}", "'float' is not one of bool"),
        ("features: {x: {dtype: int8, shape: [0]}}", r"features.x.shape\[0\]: expected int >= 1"),
        ("threads: -2", "threads: expected int >= 0"),
    ],
)
def test_values_out_of_range_are_refused(text: str, message: str) -> None:
    with pytest.raises(DragomanError, match=message):
        read_model_settings(text, "model.yaml")
