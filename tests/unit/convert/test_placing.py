"""Where the ONNX is put, and what the `model.yaml` beside it says."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.convert.placing import Place, copy_baseline, draft, put, sidecar, write_sidecar
from dragoman.convert.source import Source
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import DType
from dragoman.repository.declared import merged_signatures
from dragoman.repository.loader import LoadedVersion
from dragoman.repository.sidecar import read_sidecar
from dragoman.repository.source import Candidate
from dragoman.settings.model_document import read_model_settings

X = TensorSpec("x", DType.FP32, (None, 2), "x")
Y = TensorSpec("y", DType.FP32, (None, 3), "y")
NATIVE = {"serving_default": Signature("serving_default", {"x": X}, {"y": Y}, any_number=True)}
SETTINGS = """
engine: sklearn
trust: code
instances: 2
options: {columns: false}
classes: [a, b, c]
batching: {max_size: 8}
preprocessing: {scale: 255}
explain: {baseline: rows.csv, budget: 100}
features: {f: {dtype: float32, shape: [2]}}
signatures:
  again: {inputs: {q: x}, outputs: {r: y}}
  kinds: {method: classify, inputs: {f: x}, outputs: {scores: y}}
"""


def source(folder: Path, text: str = SETTINGS) -> Source:
    settings = read_model_settings(text, "m/model.yaml")
    return Source(Candidate("m", 1, str(folder), "m", settings), "sklearn", str(folder / "model.pkl"))


def version(settings: Any) -> LoadedVersion:
    plain = replace(settings, preprocessing=type(settings.preprocessing)())
    return LoadedVersion("sklearn", SimpleNamespace(signatures=NATIVE), merged_signatures(NATIVE, plain))


def test_callers_see_the_same_signatures_and_what_was_the_engines_own_is_left_out(tmp_path: Path) -> None:
    given = source(tmp_path)
    before = given.candidate.settings
    loaded = version(before)
    write_sidecar(tmp_path, sidecar(given, loaded))
    after = read_sidecar(str(tmp_path), "m")
    onnx = {"serving_default": Signature("serving_default", {"x": X}, {"y": Y})}
    plain = replace(after, preprocessing=type(after.preprocessing)())
    made = merged_signatures(onnx, plain)
    assert made == {name: replace(each, any_number=True) for name, each in loaded.signatures.items()}
    for key in ("classes", "batching", "preprocessing", "explain", "features"):
        assert getattr(after, key) == getattr(before, key), key
    assert (after.engine, after.trust, after.instances, after.options) == (None, "data", 1, {})


def test_signatures_that_the_onnx_does_not_answer_are_not_promised(tmp_path: Path) -> None:
    other = Signature("other", {"x": X}, {"y": Y}, "other")
    loaded = LoadedVersion("tensorflow", SimpleNamespace(signatures=NATIVE), {**NATIVE, "other": other})
    made = sidecar(source(tmp_path, ""), loaded, ("serving_default",))
    assert made == {"any_number": True, "signatures": {"serving_default": {"outputs": {"y": "y"}}}}


def test_a_method_of_explanation_that_only_the_source_has_is_left_to_the_server(tmp_path: Path) -> None:
    given = source(tmp_path, "explain: {method: tree_shap}")
    assert "explain" not in sidecar(given, version(given.candidate.settings))


def test_the_rows_that_explanations_begin_with_come_along(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("1,2\n")
    (tmp_path / "made").mkdir()
    copy_baseline(source(tmp_path), tmp_path / "made")
    assert (tmp_path / "made" / "rows.csv").read_text() == "1,2\n"


def test_a_new_version_takes_the_place_of_the_old_one_and_others_stay(tmp_path: Path) -> None:
    place = Place(tmp_path / "m", 2)
    for number in ("1", "2"):
        (place.folder / number).mkdir(parents=True)
        (place.folder / number / "model.onnx").write_text("old")
    with draft(place) as folder:
        (folder / "2").mkdir()
        (folder / "2" / "model.onnx").write_text("new")
        (folder / "model.yaml").write_text("{}")
        put(folder, place)
    assert [(place.folder / number / "model.onnx").read_text() for number in "12"] == ["old", "new"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["m"]
    assert sorted(entry.name for entry in place.folder.iterdir()) == ["1", "2", "model.yaml"]


def test_a_failure_leaves_the_place_as_it_was(tmp_path: Path) -> None:
    place = Place(tmp_path / "m", 1)

    def fail() -> None:
        with draft(place) as folder:
            (folder / "1").mkdir()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(tmp_path.iterdir()) == []
