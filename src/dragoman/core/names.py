"""Which names a model may have."""

import re
from typing import Final

from dragoman.core.errors import DragomanError, invalid

# A name is a folder's name and a path segment of several protocols: no separators, no control characters, no
# leading dot (so never `.` or `..`), and a length every file system takes.
MODEL_NAME: Final = re.compile(r"[^./\\:%?#\x00-\x20\x7f][^/\\:%?#\x00-\x1f\x7f]{0,254}")


def is_model_name(name: str) -> bool:
    """Whether a model may be called so."""
    return MODEL_NAME.fullmatch(name) is not None


def check_model_name(name: str) -> str:
    """The name itself, or INVALID_ARGUMENT where it is none."""
    if not is_model_name(name):
        raise bad_model_name(name)
    return name


def bad_model_name(name: str) -> DragomanError:
    """The error for a name that no model may have."""
    return invalid(
        f"{name!r} is not a model name: it may not begin with a dot, nor hold / \\ : % ? # or control codes"
    )
