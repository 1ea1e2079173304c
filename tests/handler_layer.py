"""The package `ts` of handlers' workers, in the process of a test, and handlers in it."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.meta.contracts import HANDLER_LAYER


class Layer:
    """Modules of the layer, and handlers whose files are written to a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def module(self, name: str) -> ModuleType:
        """The module `ts.NAME`."""
        return importlib.import_module(f"ts.{name}")

    def service(self, source: str, handler: str = "handler.py", **options: Any) -> Any:
        """A service, not initialized, of a handler with this source."""
        (self.folder / "handler.py").write_text(source, encoding="utf-8")
        model = {"modelName": "m", "modelVersion": "1.0", "handler": handler, **options.pop("model", {})}
        return self.module("service").Service("m", str(self.folder), {"model": model}, handler, **options)

    def loaded(self, source: str, handler: str = "handler.py", **options: Any) -> Any:
        """The same, initialized."""
        service = self.service(source, handler, **options)
        service.initialize()
        return service

    def request(
        self, body: bytes = b"", content_type: str | None = None, number: int = 0, **headers: str
    ) -> Any:
        """A request with one body."""
        service = self.module("service")
        return service.Request(f"id-{number}", headers, [service.Part("body", content_type, body)])


@contextmanager
def in_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Layer]:
    """The layer, until the end; what was imported of it and of the folder is forgotten then."""
    monkeypatch.syspath_prepend(str(HANDLER_LAYER))
    monkeypatch.chdir(folder)
    try:
        yield Layer(folder)
    finally:
        places = (str(HANDLER_LAYER), str(folder))
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(places):
                del sys.modules[name]
