"""Snapshots: which one the server begins with.

Where no file is named and `--ncs` is not given, that is the last in the folder `config` of the logs.
"""

import posixpath
from collections.abc import Mapping
from typing import Final

from dragoman.config.command_line import CommandLine
from dragoman.config.dialect import Source

LOGS_VARIABLE: Final = "LOG_LOCATION"
LOGS: Final = "logs"
SUFFIX: Final = ".cfg"


def folder_of(environment: Mapping[str, str]) -> str:
    """Where snapshots lie."""
    return posixpath.join(environment.get(LOGS_VARIABLE) or LOGS, "config")


def disabled(line: CommandLine) -> bool:
    """Whether none is read or written."""
    return line.on("ncs") or line.on("no-config-snapshots")


def last_snapshot(source: Source, line: CommandLine) -> str:
    """The snapshot that was written last; empty where there is none, or none is wanted."""
    if disabled(line) or source.path is not None:
        return ""
    folder = folder_of(source.environment)
    found = [
        posixpath.join(folder, name)
        for name in source.names(folder)
        if name.endswith(SUFFIX) and not name.startswith(".")
    ]
    return max(found, key=lambda path: (source.modified(path), path), default="")
