"""From the text of model.py to an object."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.engines.base import Artifact
from dragoman.engines.python_model import PythonModelEngine
from dragoman.engines.python_model.model import PythonModel
from tests.unit.engines.python_model.texts import ECHO

MODEL = ECHO % {"dtype": "float32"}


@pytest.fixture(autouse=True)
def _own_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The engine changes what can be imported; in a worker nobody minds."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = set(sys.modules)
    yield
    for name in set(sys.modules) - known:
        del sys.modules[name]


def load(folder: Path, text: str, options: Mapping[str, Any] | None = None) -> PythonModel:
    (folder / "model.py").write_text(text)
    return PythonModelEngine().load(Artifact(str(folder / "model.py"), "m", 3), options or {})


def refused(folder: Path, text: str, options: Mapping[str, Any] | None = None) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        load(folder, text, options)
    assert str(folder) not in caught.value.message
    return caught.value


def test_files_beside_it_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text(MODEL)
    load(tmp_path, "import beside\nclass Mine(beside.Model): pass")


def test_the_only_class_with_predict_is_the_model_whatever_its_name(tmp_path: Path) -> None:
    load(tmp_path, MODEL.replace("class Model", "class Helper:\n    pass\n\nclass Anything"))


def test_of_several_classes_the_one_called_model_is_it(tmp_path: Path) -> None:
    load(tmp_path, MODEL + "\nclass Other:\n    def predict(self, inputs): pass")


def test_several_classes_of_which_none_is_called_model_are_named(tmp_path: Path) -> None:
    two = "".join(f"class {name}:\n    def predict(self, inputs): pass\n" for name in ("B", "A"))
    error = refused(tmp_path, two)
    assert (error.code, error.message) == (
        Code.INVALID_ARGUMENT, "model.py: name one of the classes A, B Model",
    )  # fmt: skip


LOADS = """
    options = {"threshold": 0.5, "names": []}

    def load(self, context):
        self.outputs = {str(value): "float32" for value in
                        (context.path, context.options["threshold"], context.options["names"], context.model,
                         context.version)}
"""


def test_load_is_told_the_folder_the_options_and_the_name(tmp_path: Path) -> None:
    model = load(tmp_path, MODEL + LOADS, {"threshold": 0.75})
    told = list(model.signatures[DEFAULT_SIGNATURE].outputs)
    assert told == [str(tmp_path), "0.75", "[]", "m", "3"]


def test_an_option_that_the_class_does_not_declare_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path, MODEL + LOADS, {"treshold": 1})
    assert error.message == "options.treshold: model.py takes no such option; it takes threshold, names"
    assert refused(tmp_path, MODEL, {"x": 1}).message.endswith("it takes none")


def test_options_that_are_no_defaults_are_refused(tmp_path: Path) -> None:
    assert (
        "options has to give each option its default"
        in refused(tmp_path, MODEL + "\n    options = 3").message
    )


@pytest.mark.parametrize(("text", "code", "message"), [
    ("import no_such_module_here", Code.FAILED_PRECONDITION,
     "model.py needs the module no_such_module_here, which is not installed"),
    ("x = 1\nclass Model\n", Code.INVALID_ARGUMENT, "model.py line 2: expected ':'"),
    ("\n\nopen('/secret/place')", Code.INTERNAL,
     "model.py raised FileNotFoundError in line 3 while it loaded; the server's log tells more"),
    ("raise SystemExit", Code.INTERNAL,
     "model.py raised SystemExit in line 1 while it loaded; the server's log tells more"),
    (MODEL + "\n    def load(self, context):\n        raise KeyError('secret')", Code.INTERNAL,
     "model.py raised KeyError in line 10 while it loaded; the server's log tells more"),
    (MODEL + "\n    async def load(self, context): pass", Code.INVALID_ARGUMENT,
     "model.py: load is an async function; it has to be a plain one"),
    (MODEL.replace("def predict", "async def predict"), Code.INVALID_ARGUMENT,
     "model.py: predict is an async function; it has to be a plain one"),
    (MODEL + "\n    async def stream(self, inputs): yield {}", Code.INVALID_ARGUMENT,
     "model.py: stream is an async function; it has to be a plain one"),
    ("class Model: pass", Code.INVALID_ARGUMENT, "model.py: there is no class with a method predict"),
])  # fmt: skip
def test_code_that_does_not_load_is_told_in_words(
    tmp_path: Path, text: str, code: Code, message: str
) -> None:
    error = refused(tmp_path, text)
    assert (error.code, error.message) == (code, message)
