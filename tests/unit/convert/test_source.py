"""Which model is meant, and that nothing in it is read unless it is data or trusted."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from dragoman.convert.placing import check_free, place_for
from dragoman.convert.source import find_source
from dragoman.core.errors import DragomanError

# What opens the model's file or looks up a class in a pickle is noted; so is what is imported to read it.
WATCHED = """
import sys
seen = []
def hear(event, args):
    if event in ("pickle.find_class", "subprocess.Popen", "os.fork", "os.posix_spawn"):
        seen.append(event)
    if event == "open" and args[0] == sys.argv[1]:
        seen.append(event)
sys.addaudithook(hear)
from dragoman.cli.main import run
seen.clear()
code = run(["convert", *sys.argv[1:]])
print(int(code), sorted(set(seen)), "sklearn" in sys.modules, "joblib" in sys.modules)
"""


class Trap:
    """Writes a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> object:
        return Path.touch, (self._mark,)


def touched(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.mark.parametrize("place", ["poison.joblib", "poison/model.pkl", "poison/3/model.pickle"])
@pytest.mark.parametrize("claims_trust", [False, True])
def test_a_poisoned_pickle_is_not_even_opened_unless_the_command_line_trusts_it(
    tmp_path: Path, place: str, claims_trust: bool
):
    path, mark = touched(tmp_path / place), tmp_path / "ran"
    path.write_bytes(pickle.dumps(Trap(mark)))
    if claims_trust and "/" in place:  # whoever wrote the pickle wrote this, too
        (tmp_path / "poison" / "model.yaml").write_text("trust: code\n")
    run = subprocess.run(
        [sys.executable, "-c", WATCHED, str(path)], capture_output=True, text=True, check=False
    )
    assert run.stdout == "1 [] False False\n", run.stderr
    assert "it is converted with --trust-code, where you trust whoever made it" in run.stderr
    assert not mark.exists()
    pickle.loads(path.read_bytes())  # the trap is one
    assert mark.exists()


@pytest.mark.parametrize("given", ["half/2/model.skops", "half/2", "half"])
def test_a_file_a_version_and_a_model_lead_to_the_same(tmp_path: Path, given: str, monkeypatch):
    monkeypatch.setattr("dragoman.engines.base.Engine.is_installed", classmethod(lambda _: True))
    touched(tmp_path / "half" / "1" / "model.skops")
    file = touched(tmp_path / "half" / "2" / "model.skops")
    source = find_source(tmp_path / given, trust_code=False)
    assert (source.engine, source.candidate.model, source.candidate.version) == ("skops", "half", 2)
    assert source.entry == str(file)
    assert place_for(source, None).file == tmp_path / "half-onnx" / "2" / "model.onnx"


def test_a_file_with_a_name_of_its_own_is_put_into_a_folder_of_that_name(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("dragoman.engines.base.Engine.is_installed", classmethod(lambda _: True))
    source = find_source(touched(tmp_path / "iris.skops"), trust_code=False)
    assert place_for(source, None).file == tmp_path / "iris" / "1" / "model.onnx"
    assert place_for(source, tmp_path / "new").file == tmp_path / "new" / "1" / "model.onnx"


def test_onnx_is_not_converted_again(tmp_path: Path):
    with pytest.raises(DragomanError, match=r"model\.onnx is ONNX already"):
        find_source(touched(tmp_path / "iris" / "1" / "model.onnx"), trust_code=False)


def test_what_another_engine_serves_is_not_converted(tmp_path: Path):
    with pytest.raises(
        DragomanError, match="is a model of the engine tflite; converted are those of sklearn,"
    ):
        find_source(touched(tmp_path / "iris.tflite"), trust_code=False)


def test_a_folder_of_several_models_is_refused_with_their_names(tmp_path: Path):
    touched(tmp_path / "a" / "1" / "model.skops")
    touched(tmp_path / "b" / "1" / "model.skops")
    with pytest.raises(DragomanError, match="holds 2 models, a, b; give the file or the folder of one"):
        find_source(tmp_path, trust_code=False)


def test_a_folder_without_a_model_is_refused(tmp_path: Path):
    with pytest.raises(DragomanError, match="holds no model"):
        find_source(tmp_path, trust_code=False)


def test_a_place_that_is_taken_is_left_alone_unless_forced(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("dragoman.engines.base.Engine.is_installed", classmethod(lambda _: True))
    source = find_source(touched(tmp_path / "iris.skops"), trust_code=False)
    place = place_for(source, None)
    check_free(place, force=False)
    touched(place.file)
    with pytest.raises(DragomanError, match=r"iris/1 is there already; --force replaces it"):
        check_free(place, force=False)
    check_free(place, force=True)
