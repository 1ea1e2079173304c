"""Which function of a handler is called, and which initializes it."""

import importlib
import inspect
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from types import ModuleType
from typing import Any, NamedTuple

from ts.utils.util import list_classes_from_module

BUILT_IN = "ts.torch_handler"
Handle = Callable[[Any, Any], Any]


class EntryPoint(NamedTuple):
    """`handle(data, context)` per batch, `initialize(context)` once."""

    handle: Handle
    initialize: Callable[[Any], Any]


def enter(model_dir: str) -> None:
    """Make the model's folder the working directory and the first place to import from."""
    folder = os.path.abspath(model_dir)
    os.chdir(folder)
    sys.path.insert(0, folder)
    importlib.invalidate_caches()


def find(handler: str) -> EntryPoint:
    """What `file`, `file.py` or `folder/file.py`, each with or without `:function`, names.

    Errors: whatever the module raises; ValueError where it has no function and not exactly one class.
    """
    file, _, function = handler.partition(":")
    module = load(file.rpartition("/")[2].removesuffix(".py"))
    named = getattr(module, function or "handle", None)
    if named is None:
        return of_class(module)
    return checked(EntryPoint(named, lambda context: named(None, context)))


def load(name: str) -> ModuleType:
    """The model's module of this name, else the built-in handler of this name."""
    try:
        return importlib.import_module(name)
    except ImportError:
        if not name.isidentifier() or find_spec(f"{BUILT_IN}.{name}") is None:
            raise
    return importlib.import_module(f"{BUILT_IN}.{name}")


def of_class(module: ModuleType) -> EntryPoint:
    """The methods of the only class that is defined in the module."""
    classes = list_classes_from_module(module)
    if len(classes) != 1:
        found = ", ".join(sorted(found.__name__ for found in classes)) or "none"
        raise ValueError(
            f"{module.__name__} has to have a function handle, or one class and no more; it has {found}"
        )
    service: Any = classes[0]()
    for method in ("handle", "initialize"):
        if not callable(getattr(service, method, None)):
            raise ValueError(f"class {classes[0].__name__} of {module.__name__} has no method {method}")
    return checked(EntryPoint(service.handle, service.initialize))


def checked(entry_point: EntryPoint) -> EntryPoint:
    """The entry point, if it can be called."""
    if not callable(entry_point.handle):
        raise ValueError("the handler's entry point is no function")
    if inspect.iscoroutinefunction(entry_point.handle):
        raise ValueError("the handler's entry point is an async function; it has to be a plain one")
    return entry_point
