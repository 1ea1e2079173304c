"""`model.yaml`, the file beside a model that says what its files cannot."""

import os
from typing import Final

from msgspec import Struct

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.status import Cause
from dragoman.settings.model import ModelSettings
from dragoman.settings.model_document import read_model_settings
from dragoman.settings.yaml_document import MOST_BYTES

SIDECAR: Final = "model.yaml"
Stamp = tuple[int, ...]


class Sidecar(Struct, frozen=True):
    """What was read from a `model.yaml`, or why it could not be. `stamp` None = there is no such file."""

    settings: ModelSettings = ModelSettings()
    cause: Cause | None = None
    stamp: Stamp | None = None


class Sidecars:
    """One pass over a repository's `model.yaml` files; only what changed since the last pass is read."""

    def __init__(self, last: "Sidecars | None" = None) -> None:
        self._last = {} if last is None else last.found
        self.found: dict[str, Sidecar] = {}

    def read(self, folder: str, model: str) -> Sidecar:
        """What this folder's `model.yaml` says."""
        stamp = stamp_of(os.path.join(folder, SIDECAR))
        sidecar = self._last.get(folder)
        if sidecar is None or sidecar.stamp != stamp:
            try:
                sidecar = Sidecar(read_sidecar(folder, model), stamp=stamp)
            except DragomanError as error:
                sidecar = Sidecar(cause=Cause(error.code, error.message), stamp=stamp)
        self.found[folder] = sidecar
        return sidecar


def stamp_of(path: str) -> Stamp | None:
    """What changes when a file does; None where there is none."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino


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
