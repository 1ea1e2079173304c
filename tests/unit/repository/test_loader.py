"""From files to a loaded model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.status import Cause
from dragoman.engines.base import Artifact, Claim, GivesWayError, LoadedModel, Progress, TreeSnapshot
from dragoman.engines.onnx import OnnxEngine
from dragoman.repository.loader import LoadedVersion, ModelLoader
from dragoman.repository.source import Candidate
from dragoman.settings.model import ModelSettings
from dragoman.settings.model_document import read_model_settings
from tests.unit.engines.graphs import half_plus_two, save
from tests.unit.repository.stage import ToyEngine, write

TOY = ToyEngine()
ENGINES = {"toy": TOY, "onnx": OnnxEngine()}


def load(path: Path, settings: str = "", cause: Cause | None = None) -> LoadedVersion:
    made = read_model_settings(settings, "model.yaml") if settings else ModelSettings()
    return ModelLoader(ENGINES).load(Candidate("half", 1, str(path), "half/1", made, cause))


def refused(path: Path, settings: str = "", cause: Cause | None = None) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        load(path, settings, cause)
    assert str(path) not in caught.value.message
    return caught.value


def test_the_engine_that_claims_the_files_loads_them(tmp_path: Path) -> None:
    save(half_plus_two(), tmp_path / "model.onnx")
    assert load(tmp_path).engine == "onnx"


def test_a_single_file_is_loaded(tmp_path: Path) -> None:
    assert load(save(half_plus_two(), tmp_path / "resnet.onnx")).engine == "onnx"


def test_the_engine_that_model_yaml_names_wins(tmp_path: Path) -> None:
    write(tmp_path)
    save(half_plus_two(), tmp_path / "model.onnx")
    assert load(tmp_path).engine == "toy"
    assert load(tmp_path, "engine: onnx").engine == "onnx"


class Absent(ToyEngine):
    """Claims the same files; its package is not there."""

    name = "absent"
    package = "no_such_package"


@pytest.mark.parametrize(
    ("engines", "settings", "chosen"),
    [
        (["absent", "toy"], "", "toy"),
        (["toy", "absent"], "", "toy"),
        (["absent"], "", "absent"),
        (["toy", "absent"], "engine: absent", "absent"),
    ],
)
def test_of_engines_that_claim_the_same_files_the_first_that_is_installed_is_chosen(
    tmp_path: Path, engines: list[str], settings: str, chosen: str
) -> None:
    write(tmp_path)
    known = {"toy": ToyEngine(), "absent": Absent()}
    made = read_model_settings(settings, "model.yaml") if settings else ModelSettings()
    loader = ModelLoader({name: known[name] for name in engines})
    assert loader.load(Candidate("half", 1, str(tmp_path), "half/1", made)).engine == chosen


class Modest(ToyEngine):
    """Loads nothing that it claims, and needs an option to be asked first."""

    name = "modest"

    @classmethod
    def is_ready(cls, claim: Claim, options: Mapping[str, Any]) -> bool:
        return bool(options.get("willing"))

    def load_telling(self, artifact: Artifact, options: Mapping[str, Any], progress: Progress) -> LoadedModel:
        progress.tell("trying")
        raise GivesWayError(Code.FAILED_PRECONDITION, "it is too large for me")


def test_an_engine_that_gives_way_leaves_the_files_to_the_next_one(tmp_path: Path) -> None:
    write(tmp_path)
    told: list[str] = []
    loader = ModelLoader({"modest": Modest(), "toy": TOY}, {"modest": {"willing": True}})
    candidate = Candidate("half", 1, str(tmp_path), "half/1", ModelSettings())
    assert loader.load(candidate, Progress(told.append)).engine == "toy"
    assert told == ["trying"]
    assert ModelLoader({"modest": Modest(), "toy": TOY}).load(candidate).engine == "toy"


def test_an_engine_that_is_named_or_the_last_one_gives_way_to_nobody(tmp_path: Path) -> None:
    write(tmp_path)
    named = Candidate("half", 1, str(tmp_path), "half/1", ModelSettings(engine="modest"))
    for engines in ({"modest": Modest(), "toy": TOY}, {"modest": Modest()}):
        with pytest.raises(DragomanError, match="too large for me"):
            ModelLoader(engines).load(named)


class Careful(ToyEngine):
    """Wants a second file."""

    name = "careful"

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        return Claim("model.toy", ("model.toy", "labels.txt"))


def test_a_file_that_the_engine_needs_and_that_is_missing_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    candidate = Candidate("half", 1, str(tmp_path), "half/1", ModelSettings())
    with pytest.raises(DragomanError) as caught:
        ModelLoader({"careful": Careful()}).load(candidate)
    assert (caught.value.code, caught.value.message) == (Code.NOT_FOUND, "half/1/labels.txt is missing")


def test_an_engine_that_there_is_not_is_an_error_that_lists_them(tmp_path: Path) -> None:
    write(tmp_path)
    error = refused(tmp_path, "engine: tpu")
    assert error.code is Code.INVALID_ARGUMENT
    assert error.message == "half/model.yaml: engine: there is no engine 'tpu'; there is toy, onnx"


def test_files_that_no_engine_claims_are_an_error_that_says_what_engines_look_for(tmp_path: Path) -> None:
    write(tmp_path, file="README.md")
    error = refused(tmp_path)
    assert error.code is Code.NOT_FOUND
    assert error.message == (
        "half/1 holds no model: the engine toy looks for model.toy; "
        "the engine onnx looks for model.onnx, or one file *.onnx or *.ort"
    )


def test_an_empty_folder_is_called_empty(tmp_path: Path) -> None:
    assert refused(tmp_path, "engine: toy").message == "half/1 is empty: the engine toy looks for model.toy"


def test_a_folder_that_went_away_is_an_error_that_names_it(tmp_path: Path) -> None:
    error = refused(tmp_path / "gone")
    assert (error.code, error.message) == (Code.NOT_FOUND, "half/1: there is no such file or folder")


def test_a_cause_that_is_known_already_is_the_error(tmp_path: Path) -> None:
    write(tmp_path)
    assert refused(tmp_path, cause=Cause(Code.INVALID_ARGUMENT, "line 3")).message == "line 3"


def test_an_engine_that_breaks_tells_strangers_nothing(tmp_path: Path) -> None:
    write(tmp_path, "explodes")
    error = refused(tmp_path)
    assert (error.code, error.message) == (Code.INTERNAL, "half/1 does not load; the server's log tells more")


def test_options_of_model_yaml_reach_the_engine(tmp_path: Path) -> None:
    save(half_plus_two(), tmp_path / "model.onnx")
    assert "options.intra_op_threads" in refused(tmp_path, "options: {intra_op_threads: many}").message


def test_a_signature_that_does_not_fit_names_key_and_tensors_and_frees_the_model(tmp_path: Path) -> None:
    write(tmp_path)
    error = refused(tmp_path, "engine: toy\nsignatures: {other: {inputs: {a: nothing}}}")
    assert error.message == (
        "half/model.yaml: signatures.other.inputs.a: the model has no input 'nothing'; its inputs are x"
    )
    assert TOY.models[-1].closed == 1


class Naming(ToyEngine):
    """Gives inputs and outputs the names of a file itself."""

    tensor_names = "names.json"


@pytest.mark.parametrize(("engine", "name"), [(ToyEngine(), "image"), (Naming(), "x")])
def test_tensors_are_named_by_a_file_unless_the_engine_has_done_it(
    tmp_path: Path, engine: ToyEngine, name: str
) -> None:
    write(tmp_path)
    (tmp_path / "names.json").write_text('{"inputs": {"x": "image"}}')
    made = ModelSettings(tensor_names="names.json")
    loaded = ModelLoader({"toy": engine}).load(Candidate("half", 1, str(tmp_path), "half/1", made))
    assert list(loaded.signatures["serving_default"].inputs) == [name]
