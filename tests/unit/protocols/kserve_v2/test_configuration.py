"""A version's configuration as Triton prints it."""

import json
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from dragoman.core.configuration import Batching, ModelConfiguration, VersionChoice, WarmUp
from dragoman.core.signatures import Answers, Signature, TensorSpec
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.core.tensors import DType, Shape, Tensor
from tests.unit.protocols.kserve_v2.protocol import PROTOCOL
from tests.unit.protocols.tfs.reference import Codec

DEFAULT = Tensor(DType.BOOL, np.array(True))


def spec(name: str, dtype: DType, shape: Shape | None, default: Tensor | None = None) -> TensorSpec:
    return TensorSpec(name, dtype, shape, name, default=default)


SIGNATURE = Signature(
    "serving_default",
    {
        "pixels": spec("pixels", DType.FP32, (None, 224, None)),
        "flag": spec("flag", DType.BOOL, (None,), DEFAULT),
        "text": spec("text", DType.BYTES, None),
    },
    {"score": spec("score", DType.BF16, (None, 10))},
)


def config(
    told: ModelConfiguration | None = None,
    *,
    engine: str = "onnx",
    choice: VersionChoice = VersionChoice(),  # noqa: B008 (it does not change)
    signature: Signature | None = SIGNATURE,
) -> dict[str, Any]:
    signatures = {} if signature is None else {signature.name: signature}
    version = VersionStatus(1, State.READY, engine, signatures=signatures, configuration=told)
    report = StatusReport({"m": ModelStatus("m", (version,), choice=choice)})
    response = Codec("superset", report, PROTOCOL).answer("GET", "/v2/models/m/config")
    assert response.status == 200
    return json.loads(bytes(response.body))


def test_a_plain_model_tells_its_tensors_and_every_default() -> None:
    told = config(ModelConfiguration("model.onnx"))
    assert {key: told[key] for key in ("name", "platform", "backend", "default_model_filename")} == {
        "name": "m",
        "platform": "onnxruntime_onnx",
        "backend": "onnxruntime",
        "default_model_filename": "model.onnx",
    }
    assert told["max_batch_size"] == 0
    assert told["version_policy"] == {"latest": {"num_versions": 1}}
    assert [(tensor["name"], tensor["data_type"], tensor["dims"]) for tensor in told["input"]] == [
        ("pixels", "TYPE_FP32", [-1, 224, -1]),
        ("flag", "TYPE_BOOL", [-1]),
        ("text", "TYPE_STRING", [-1]),
    ]
    assert [tensor["optional"] for tensor in told["input"]] == [False, True, False]
    assert told["input"][0]["format"] == "FORMAT_NONE"
    assert told["output"] == [
        {
            "name": "score",
            "data_type": "TYPE_BF16",
            "dims": [-1, 10],
            "label_filename": "",
            "is_shape_tensor": False,
            "is_non_linear_format_io": False,
        }
    ]
    assert (told["instance_group"][0]["count"], told["instance_group"][0]["kind"]) == (1, "KIND_CPU")
    assert told["model_transaction_policy"] == {"decoupled": False}
    assert (told["parameters"], told["cc_model_filenames"], told["model_warmup"]) == ({}, {}, [])
    assert "dynamic_batching" not in told


def test_batches_take_the_first_dimension_out_of_the_shapes() -> None:
    told = config(ModelConfiguration(batching=Batching(16, 250, (4, 16), 99)))
    assert told["max_batch_size"] == 16
    assert [tensor["dims"] for tensor in told["input"]] == [[224, -1], [], [-1]]
    batching = told["dynamic_batching"]
    assert batching["preferred_batch_size"] == [4, 16]
    assert batching["max_queue_delay_microseconds"] == 250  # a number, though it has 64 bits
    assert batching["default_queue_policy"]["max_queue_size"] == 99
    assert config(ModelConfiguration(batching=Batching(16)))["dynamic_batching"]["preferred_batch_size"] == [
        16
    ]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (VersionChoice(latest=3), {"latest": {"num_versions": 3}}),
        (VersionChoice(all=True), {"all": {}}),
        (VersionChoice(specific=(1, 5)), {"specific": {"versions": [1, 5]}}),
    ],
)
def test_the_versions_that_serve_are_told(choice: VersionChoice, expected: object) -> None:
    assert config(choice=choice)["version_policy"] == expected


def test_instances_options_and_streams_are_told() -> None:
    told = config(
        ModelConfiguration(instances=3, options={"providers": '["cuda"]'}),
        engine="python",
        signature=replace(SIGNATURE, answers=Answers.PARTS),
    )
    assert (told["platform"], told["backend"]) == ("", "python")
    assert (told["instance_group"][0]["count"], told["instance_group"][0]["kind"]) == (3, "KIND_AUTO")
    assert told["parameters"] == {"providers": {"string_value": '["cuda"]'}}
    assert told["model_transaction_policy"] == {"decoupled": True}


def test_an_engine_that_triton_lacks_goes_by_its_own_name() -> None:
    assert config(engine="tflite")["backend"] == "tflite"


def test_a_warm_up_that_was_asked_for_is_told_with_sizes_that_are_made_up() -> None:
    warm_up = config(ModelConfiguration(warm_up=WarmUp(3, 2)))["model_warmup"]
    assert [(entry["name"], entry["batch_size"], entry["count"]) for entry in warm_up] == [("warm_up", 0, 2)]
    assert warm_up[0]["inputs"]["pixels"] == {
        "data_type": "TYPE_FP32",
        "dims": [3, 224, 1],
        "random_data": True,
    }
    batched = config(ModelConfiguration(warm_up=WarmUp(3, 2), batching=Batching(8)))["model_warmup"][0]
    assert (batched["batch_size"], batched["inputs"]["pixels"]["dims"]) == (3, [224, 1])
    assert config(ModelConfiguration(warm_up=WarmUp(1, 0)))["model_warmup"] == []


def test_a_model_without_a_default_signature_tells_no_tensors() -> None:
    told = config(signature=None)
    assert (told["input"], told["output"]) == ([], [])
    assert told["instance_group"][0]["count"] == 1


@pytest.mark.parametrize(
    ("path", "status"), [("/v2/models/nope/config", 404), ("/v2/models/m/versions/2/config", 404)]
)
def test_what_is_not_there_has_no_configuration(path: str, status: int) -> None:
    report = StatusReport({"m": ModelStatus("m", (VersionStatus(1, State.READY),))})
    assert Codec("superset", report, PROTOCOL).answer("GET", path).status == status
