"""Pickles are not read where nobody trusts them, and skops' files never run anything.

Each check runs in a process of its own, since a hook cannot be taken away again.
"""

import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import joblib
import pytest

# Notes what Python's unpickler looks up, what runs, what is imported, and whether the model's file is opened.
WATCHED: Final = """
import sys
seen = []
def hear(event, args):
    if event in ("pickle.find_class", "exec") or event == "open" and args[0] == sys.argv[1]:
        seen.append(event)
sys.addaudithook(hear)
from dragoman.assembly.builtin import engines
from dragoman.core.errors import DragomanError
from dragoman.repository.loader import ModelLoader
from dragoman.repository.source import Candidate
from dragoman.settings.model import ModelSettings
loader = ModelLoader(engines())
seen.clear()
try:
    loader.load(Candidate("demo", 1, sys.argv[1], "demo", ModelSettings()))
except DragomanError as error:
    print(error.message)
print(sorted(set(seen)), "sklearn" in sys.modules, "joblib" in sys.modules)
"""
# skops imports scikit-learn, which runs its own modules: here only what is unpickled counts.
WATCHED_AS_DATA: Final = """
import sys
seen = []
sys.addaudithook(lambda event, args: seen.append(args) if event == "pickle.find_class" else None)
from dragoman.core.errors import DragomanError
from dragoman.engines.base import Artifact
from dragoman.engines.sklearn import SkopsEngine
try:
    SkopsEngine().load(Artifact(sys.argv[1], "demo", 1), {})
except DragomanError as error:
    print(error.message)
print(seen)
"""


class Trap:
    """Writes a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> object:
        return Path.touch, (self._mark,)


def watched(code: str, path: Path) -> list[str]:
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


@pytest.mark.parametrize("file", ["model.joblib", "model.pkl", "other.pickle"])
def test_with_trust_off_a_poisoned_pickle_is_not_even_opened(tmp_path: Path, file: str) -> None:
    path, mark = tmp_path / file, tmp_path / "ran"
    joblib.dump(Trap(mark), path) if file.endswith("joblib") else path.write_bytes(pickle.dumps(Trap(mark)))
    message, seen = watched(WATCHED, path)
    assert message == (
        "demo brings code (engine sklearn), which runs only where it is trusted: "
        "set trust: code in demo/model.yaml, or start with --trust-code"
    )
    assert seen == "[] False False"
    assert not mark.exists()
    joblib.load(path)  # the trap is one
    assert mark.exists()


def test_a_pickle_in_the_place_of_skops_data_is_not_unpickled(tmp_path: Path) -> None:
    path, mark = tmp_path / "model.skops", tmp_path / "ran"
    path.write_bytes(pickle.dumps(Trap(mark)))
    *_, message, seen = watched(WATCHED_AS_DATA, path)
    assert message.startswith("model.skops does not load")
    assert (seen, mark.exists()) == ("[]", False)


def test_skops_data_that_names_a_function_of_the_system_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    schema = (
        '{"__class__": "system", "__module__": "os", "__loader__": "FunctionNode", "__id__": 1,'
        ' "content": {"module_path": "os", "function": "system"}, "protocol": 2, "_skops_version": "0.11"}'
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", schema)
    *_, message, seen = watched(WATCHED_AS_DATA, path)
    assert "os.system" in message
    assert seen == "[]"
