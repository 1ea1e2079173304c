"""The converters' packages, which come with an extra."""

import importlib
from typing import Any

from dragoman.core.errors import Code, DragomanError


def required(name: str, package: str = "") -> Any:
    """The module of that name.

    Errors: FAILED_PRECONDITION naming the package and the extra.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = package or name.partition(".")[0]
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            f"the conversion needs the package {missing}: pip install 'dragoman[convert]'",
        ) from error
