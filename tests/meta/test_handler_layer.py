"""The package `ts` knows nothing of dragoman, and of other packages only what its functions need."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.meta.contracts import HANDLER_LAYER, TREE

MODULES = sorted((HANDLER_LAYER / "ts").rglob("*.py"))
# What handlers of TorchServe's kind have, wherever they run.
INSIDE_FUNCTIONS = frozenset({"PIL", "captum", "numpy", "onnxruntime", "torch", "transformers", "yaml"})


def imports(path: Path, *, at_once: bool) -> Iterator[str]:
    """The top-level packages that a module imports, when it is imported or later."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    late = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if at_once == (id(node) in late):
            continue
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield str(node.module).partition(".")[0]


def test_there_is_nothing_beside_the_package() -> None:
    assert [path.name for path in HANDLER_LAYER.iterdir() if path.name != "__pycache__"] == ["ts"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(HANDLER_LAYER)))
def test_a_module_imports_the_standard_library_and_the_layer_when_it_is_imported(path: Path) -> None:
    assert set(imports(path, at_once=True)) - sys.stdlib_module_names <= {"ts"}


def test_functions_import_what_handlers_have_and_nothing_else() -> None:
    found = {name for path in MODULES for name in imports(path, at_once=False)}
    assert found - sys.stdlib_module_names - {"ts"} == INSIDE_FUNCTIONS


def test_only_workers_import_the_layer() -> None:
    workers = TREE / "src" / "dragoman" / "execution" / "workers"
    others = [path for path in (TREE / "src").rglob("*.py") if workers not in path.parents]
    pattern = re.compile(r"^\s*(?:from|import) ts\b", re.MULTILINE)
    assert [path for path in others if pattern.search(path.read_text(encoding="utf-8"))] == []
