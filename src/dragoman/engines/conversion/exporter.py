"""Finds the command that converts: optimum-cli, where optimum-intel is installed beside it."""

import glob
import os
import shutil
import sys
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

COMMAND: Final = "optimum-cli"
EXPORTER: Final = "optimum_intel"
# What the files depend on that are written.
PARTS: Final = (EXPORTER, "openvino", "openvino_tokenizers", "transformers", "torch", "nncf")


class Exporter(Struct, frozen=True):
    """The command, and the releases of all that takes part."""

    command: str
    version: str


def find_exporter(named: str) -> Exporter | None:
    """The command of this name; of an empty one that beside this interpreter, else that of PATH."""
    if named:
        command = shutil.which(named)
        return None if command is None else Exporter(command, version_of(command))
    beside = os.path.join(os.path.dirname(sys.executable), COMMAND)
    for command in (beside, shutil.which(COMMAND)):
        if command is not None and os.access(command, os.X_OK):
            version = version_of(command)
            if EXPORTER in version:
                return Exporter(command, version)
    return None


def version_of(command: str) -> str:
    """The releases of the packages beside a command; where none is told, when and how long its file is."""
    told = sorted(releases(os.path.dirname(os.path.dirname(os.path.realpath(command)))))
    if told:
        return " ".join(told)
    stat = os.stat(command)
    return f"{stat.st_size}-{stat.st_mtime_ns}"


def releases(prefix: str) -> Iterator[str]:
    """The packages below a prefix, each as `name-release`."""
    for part in PARTS:
        pattern = os.path.join(glob.escape(prefix), "lib", "python3*", "*-packages", f"{part}-*.dist-info")
        for path in glob.glob(pattern):
            yield os.path.basename(path).removesuffix(".dist-info")
