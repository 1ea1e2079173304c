"""A protocol, an engine or a dialect can be taken out: its folder, and its name in assembly/builtin.py."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.meta.contracts import TREE

IMPORT_EVERYTHING = """
import importlib, pkgutil, dragoman
for found in pkgutil.walk_packages(dragoman.__path__, "dragoman."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
from dragoman.assembly.builtin import dialects, engines, protocols
print(dragoman.__path__[0], sorted(engines()), [protocol.name for protocol in protocols()], list(dialects()))
"""


def without(text: str, *words: str) -> str:
    """A module's text without the lines that name these words; an import of several loses only these."""
    either = "|".join(words)
    text = re.sub(rf"^(from .*), (?:{either})\b", r"\1", text, flags=re.MULTILINE)
    text = re.sub(rf"^(from .* import )(?:{either}), ", r"\1", text, flags=re.MULTILINE)
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not re.search(rf"\b(?:{either})\b", line))


@pytest.mark.parametrize(
    ("folder", "words", "name"),
    [
        ("protocols/tfs", ("tfs",), "tfs"),
        ("protocols/deeploy", ("deeploy",), "deeploy"),
        ("engines/onnx", ("onnx", "OnnxEngine"), "onnx"),
        ("config/dialects/tensorflow_serving", ("tensorflow_serving",), "tfserving"),
    ],
)
def test_everything_else_still_imports(
    folder: str, words: tuple[str, ...], name: str, tmp_path: Path
) -> None:
    copy = tmp_path / "dragoman"
    shutil.copytree(TREE / "src" / "dragoman", copy, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(copy / folder)
    builtin = copy / "assembly" / "builtin.py"
    builtin.write_text(without(builtin.read_text(encoding="utf-8"), *words), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_EVERYTHING],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    where, _, built_in = run.stdout.partition(" ")
    assert where == str(copy)
    assert f"'{name}'" not in built_in


def test_a_line_that_imports_more_loses_the_one_name_only() -> None:
    text = "from a import one, two\nTABLE = (\n    one.X,\n    two.X,\n)\n"
    assert without(text, "two") == "from a import one\nTABLE = (\n    one.X,\n)\n"
    assert without(text, "one") == "from a import two\nTABLE = (\n    two.X,\n)\n"
