"""Files of PyTorch that could run something do so only where their code is trusted, and pickles never.

Each check runs in a process of its own, since a hook cannot be taken away again.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import torch

from dragoman.engines.torch.files import Kind, kind_of
from tests.unit.engines.torch.programs import Half, export, script

# Notes what Python's unpickler looks up, what runs, and what is imported.
WATCHED: Final = """
import sys
seen = []
sys.addaudithook(lambda event, args: seen.append(event) if event in ("pickle.find_class", "exec") else None)
from dragoman.core.errors import DragomanError
"""
LOADED_BY_THE_SERVER: Final = """
from dragoman.assembly.builtin import engines
from dragoman.repository.loader import ModelLoader
from dragoman.repository.source import Candidate
from dragoman.settings.model import ModelSettings
loader = ModelLoader(engines())
seen.clear()
try:
    loader.load(Candidate("demo", 1, sys.argv[1], "demo", ModelSettings()))
except DragomanError as error:
    print(error.message)
print(sorted(set(seen)), "torch" in sys.modules)
"""
LOADED_AS_TRUSTED: Final = """
import torch
from dragoman.engines.base import Artifact
from dragoman.engines.torch import TorchEngine
seen.clear()
try:
    TorchEngine().load(Artifact(sys.argv[1], "demo", 1), {})
except DragomanError as error:
    print(error.message)
print("pickle.find_class" in seen)
"""


class Trap:
    """Writes a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> object:
        return Path.touch, (self._mark,)


def watched(code: str, path: Path) -> list[str]:
    run = subprocess.run(
        [sys.executable, "-c", WATCHED + code, str(path)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def pickled(folder: Path, *, old: bool) -> Path:
    file = folder / "model.pt"
    torch.save(Trap(folder / "ran"), file, _use_new_zipfile_serialization=not old)
    return file


@pytest.mark.parametrize("kind", ["pickle", "old pickle", "script", "export", "class"])
def test_without_trust_nothing_is_read_let_alone_unpickled(tmp_path: Path, kind: str) -> None:
    if kind == "script":
        script(tmp_path / "model.pt", Half())
    elif kind == "export":
        export(tmp_path / "model.pt2", Half(), [torch.zeros(2)])
    elif kind == "class":
        (tmp_path / "model.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
        (tmp_path / "model.safetensors").touch()
    else:
        pickled(tmp_path, old=kind == "old pickle")
    message, noted = watched(LOADED_BY_THE_SERVER, tmp_path)
    assert message.startswith("demo brings code (engine torch), which runs only where it is trusted: set")
    assert noted == "[] False"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("old", [False, True])
def test_a_pickle_is_not_read_where_code_is_trusted_either(tmp_path: Path, old: bool) -> None:
    message, unpickled = watched(LOADED_AS_TRUSTED, pickled(tmp_path, old=old))
    assert message.startswith("model.pt does not load: it is a pickle, as torch.save writes")
    assert unpickled == "False"
    assert not (tmp_path / "ran").exists()


def test_the_trap_would_have_run(tmp_path: Path) -> None:
    file = pickled(tmp_path, old=False)
    torch.load(file, weights_only=False)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["model.pt", "model.pt2"])
def test_torchscript_and_usual_exports_hold_nothing_that_python_unpickles(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    if name == "model.pt":
        script(file, Half())
    else:
        export(file, Half(), [torch.zeros(2)])
    assert kind_of(str(file)) in (Kind.SCRIPT, Kind.EXPORT)
    assert watched(LOADED_AS_TRUSTED, file) == ["False"]
