"""`model.yaml`, the file beside a model that says what its files cannot."""

import os
from typing import Final

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.settings.model import ModelSettings
from dragoman.settings.model_document import read_model_settings
from dragoman.settings.yaml_document import MOST_BYTES

SIDECAR: Final = "model.yaml"


def read_sidecar(folder: str, model: str) -> ModelSettings:
    """The settings in this folder's `model.yaml`; the defaults where there is none.

    Errors: INVALID_ARGUMENT naming every line and key that does not fit; PERMISSION_DENIED for a file
    that cannot be read.
    """
    shown = f"{model}/{SIDECAR}"
    try:
        with open(os.path.join(folder, SIDECAR), "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return ModelSettings()
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise DragomanError(Code.PERMISSION_DENIED, f"{shown} cannot be read: {reason}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise invalid(f"{shown}:{line}: the file is not UTF-8") from error
    return read_model_settings(text, shown)
