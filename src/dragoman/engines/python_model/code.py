"""From `model.py` to an object: import the file, find the class, make one and let it load."""

import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final

import structlog
from msgspec import Struct

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.engines.base import Artifact

MODULE: Final = "model"  # the name that pickles made by the file's own classes have, too
USUAL_CLASS: Final = "Model"


class Context(Struct, frozen=True):
    """What a model's `load` is told: its folder, its options, its name and version."""

    path: str
    options: Mapping[str, Any]
    model: str
    version: int


def import_module(path: str) -> ModuleType:
    """The file as a module; files beside it can be imported by it.

    Errors: NOT_FOUND; else as `guarded` says.
    """
    if not os.path.isfile(path):
        raise DragomanError(Code.NOT_FOUND, f"{os.path.basename(path)} does not load: there is no such file")
    sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location(MODULE, path)
    if spec is None or spec.loader is None:
        raise DragomanError(Code.INTERNAL, f"{os.path.basename(path)} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    execute = spec.loader.exec_module
    guarded(lambda: execute(module), path)
    return module


def find_class(module: ModuleType) -> type:
    """The module's class `Model`, or its only class with a `predict`.

    Errors: INVALID_ARGUMENT where there is none, or more than one.
    """
    classes = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and value.__module__ == MODULE
        and callable(getattr(value, "predict", None))
    }
    if USUAL_CLASS in classes:
        return classes[USUAL_CLASS]
    if len(classes) == 1:
        return next(iter(classes.values()))
    if not classes:
        raise invalid(f"{MODULE}.py: there is no class with a method predict")
    raise invalid(f"{MODULE}.py: name one of the classes {', '.join(sorted(classes))} {USUAL_CLASS}")


def made(model: type, artifact: Artifact, given: Mapping[str, Any]) -> Any:
    """An object of the class, after its `load`.

    Errors: INVALID_ARGUMENT for an option that the class does not take; else as `guarded` says.
    """
    options = chosen_options(model, given)
    made = guarded(model, artifact.path)
    for name in ("load", "predict", "stream"):
        method = getattr(made, name, None)
        if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
            raise invalid(f"{MODULE}.py: {name} is an async function; it has to be a plain one")
    load = getattr(made, "load", None)
    if load is not None:
        context = Context(os.path.dirname(artifact.path), options, artifact.model, artifact.version)
        guarded(lambda: load(context), artifact.path)
    return made


def chosen_options(model: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that the class declares, with what model.yaml says in place of their defaults."""
    declared = getattr(model, "options", {})
    if not isinstance(declared, Mapping):
        raise invalid(f'{MODULE}.py: options has to give each option its default, as in {{"threshold": 0.5}}')
    for key in given:
        if key not in declared:
            known = ", ".join(declared) or "none"
            raise invalid(f"options.{key}: {MODULE}.py takes no such option; it takes {known}")
    return {**declared, **given}


def guarded(step: Callable[[], Any], path: str) -> Any:
    """What the step gives.

    Errors: DragomanError only. FAILED_PRECONDITION naming a module that is missing, INVALID_ARGUMENT naming
    the line that is no Python, INTERNAL naming the line of `model.py` that raised; the whole is in the log.
    """
    try:
        return step()
    except DragomanError:
        raise
    except (Exception, SystemExit) as error:
        log = structlog.get_logger("dragoman.engines.python")
        log.error(f"{os.path.basename(path)} does not load", exc_info=True)
        raise refusal(error, path) from error


def refusal(error: BaseException, path: str) -> DragomanError:
    """What a caller may know of the error: no text of it but names, no path."""
    file = os.path.basename(path)
    if isinstance(error, ModuleNotFoundError):
        return DragomanError(
            Code.FAILED_PRECONDITION, f"{file} needs the module {error.name}, which is not installed"
        )
    if isinstance(error, SyntaxError) and error.filename == path:
        return invalid(f"{file} line {error.lineno}: {error.msg}")
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    where = f" in line {lines[-1]}" if lines else ""
    return DragomanError(
        Code.INTERNAL,
        f"{file} raised {type(error).__name__}{where} while it loaded; the server's log tells more",
    )
