"""How the entry point of a handler is found."""

import logging
import sys

import pytest

from tests.handler_layer import Layer

ECHO = "def handle(data, context):\n    return None if data is None else [row['body'] for row in data]\n"
CLASS = """
from collections import OrderedDict  # imported classes do not count


class Model:
    def initialize(self, context):
        self.name = context.model_name

    def handle(self, data, context):
        return [self.name] * len(data)
"""


def reason(layer: Layer, source: str, handler: str = "handler.py", **options: object) -> str:
    """Why the handler does not load."""
    error = layer.module("service").LoadFailureError
    with pytest.raises(error) as caught:
        layer.service(source, handler, **options).initialize()
    assert caught.value.status == 500
    return str(caught.value)


@pytest.mark.parametrize("handler", ["handler", "handler.py", "some/folder/handler.py", "handler:handle"])
def test_a_function_called_handle_is_the_entry_point(layer: Layer, handler: str) -> None:
    assert layer.loaded(ECHO, handler).predict([layer.request(b"x")])[0].body == b"x"


def test_a_function_is_initialized_by_a_call_without_data(layer: Layer) -> None:
    source = "calls = []\ndef handle(data, context):\n    calls.append(data)\n    return [len(calls)]\n"
    service = layer.loaded(source)
    assert service.predict([layer.request()])[0].body == b"2"
    assert sys.modules["handler"].calls == [None, [{"body": bytearray()}]]


def test_another_function_can_be_named(layer: Layer) -> None:
    source = ECHO + "def other(data, context):\n    return ['other']\n"
    assert layer.loaded(source, "handler.py:other").predict([layer.request()])[0].body == b"other"


def test_a_function_that_is_named_and_missing_leaves_the_class(layer: Layer) -> None:
    assert layer.loaded(CLASS, "handler:missing").predict([layer.request()])[0].body == b"m"


def test_the_only_class_of_a_module_is_the_entry_point(layer: Layer) -> None:
    assert layer.loaded(CLASS).predict([layer.request()])[0].body == b"m"


def test_the_models_folder_is_the_working_directory_and_imported_from_first(layer: Layer) -> None:
    (layer.folder / "helper.py").write_text(
        "import pathlib\nNAME = pathlib.Path('name.txt').read_text()\n", encoding="utf-8"
    )
    (layer.folder / "name.txt").write_text("here", encoding="utf-8")
    source = "import helper\ndef handle(data, context):\n    return [helper.NAME]\n"
    assert layer.loaded(source).predict([layer.request()])[0].body == b"here"
    assert sys.path[0] == str(layer.folder)


def test_a_name_that_is_no_file_is_a_built_in_handler(layer: Layer) -> None:
    entry_point = layer.module("serving.entry_point")
    found = entry_point.find("image_classifier")
    assert type(found.handle.__self__).__name__ == "ImageClassifier"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("", "ValueError"),
        (CLASS + "class Other:\n    pass\n", "ValueError"),
        ("class Model:\n    pass\n", "ValueError"),
        ("class Model:\n    def handle(self, data, context):\n        pass\n", "ValueError"),
        ("import not_installed\n" + ECHO, "handler handler.py needs the module not_installed"),
        ("async def handle(data, context):\n    return []\n", "ValueError"),
        ("raise KeyError('secret')", "KeyError in line 1 of handler.py"),
        ("import sys\nsys.exit(3)", "SystemExit in line 2 of handler.py"),
        ("def handle(data, context):\n    raise OSError('secret')\n", "OSError in line 2 of handler.py"),
    ],
)
def test_a_handler_that_does_not_load_is_told_by_kind_and_line(layer: Layer, source: str, told: str) -> None:
    text = reason(layer, source)
    assert told in text
    assert "secret" not in text


def test_the_log_has_what_a_stranger_is_not_told(layer: Layer, caplog: pytest.LogCaptureFixture) -> None:
    reason(layer, "class Model:\n    pass\n")
    assert "class Model of handler has no method handle" in caplog.text


def test_a_missing_handler_names_itself(layer: Layer) -> None:
    assert "needs the module nowhere" in reason(layer, "", "nowhere.py")


@pytest.mark.parametrize("raised", ["MemoryError()", "RuntimeError('CUDA out of memory')"])
def test_a_model_too_large_to_load_is_told_apart(layer: Layer, raised: str) -> None:
    service = layer.service(f"def handle(data, context):\n    raise {raised}\n")
    with pytest.raises(layer.module("service").LoadFailureError) as caught:
        service.initialize()
    assert caught.value.status == 507


def test_an_unknown_envelope_stops_the_load(layer: Layer) -> None:
    assert "ValueError" in reason(layer, ECHO, envelope="nonsense")


def test_a_package_that_is_hidden_by_the_layer_is_named_in_the_log(
    layer: Layer, caplog: pytest.LogCaptureFixture
) -> None:
    (layer.folder / "installed" / "ts").mkdir(parents=True)
    (layer.folder / "installed" / "ts" / "__init__.py").touch()
    sys.path.append(str(layer.folder / "installed"))
    with caplog.at_level(logging.INFO):
        layer.loaded(ECHO)
    assert "not the one in" in caplog.text
