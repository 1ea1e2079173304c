"""A Python file that comes with a model, as a module; and what callers are told of code that fails."""

import importlib.util
import os
import sys
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Final, TypeVar

import structlog

from dragoman.core.errors import Code, DragomanError, invalid

MODULE: Final = "model"  # the name that pickles made by the file's own classes have, too
T = TypeVar("T")


def import_module(path: str, name: str = MODULE) -> ModuleType:
    """The file as a module; files beside it can be imported by it.

    Errors: NOT_FOUND; else as `guarded` says.
    """
    if not os.path.isfile(path):
        raise DragomanError(Code.NOT_FOUND, f"{os.path.basename(path)} does not load: there is no such file")
    sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise DragomanError(Code.INTERNAL, f"{os.path.basename(path)} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    execute = spec.loader.exec_module
    guarded(lambda: execute(module), path)
    return module


def guarded(step: Callable[[], T], path: str) -> T:
    """What the step gives.

    Errors: DragomanError only. FAILED_PRECONDITION naming a module that is missing, INVALID_ARGUMENT naming
    the line that is no Python, INTERNAL naming the line of the file that raised; the whole is in the log.
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
