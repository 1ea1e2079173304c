"""What a load generator finds out, and where it and the server run."""

import shutil
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

SERVER_CORE: Final = "0"
LOAD_CORE: Final = "1"
PACKAGES: Final = {"wrk": "wrk", "h2load": "nghttp2-client", "taskset": "util-linux"}  # Debian's, by program
JAVA: Final = {"java": "openjdk-17-jre-headless"}  # which TorchServe is written in


class Load(NamedTuple):
    """What the load generator saw."""

    requests_per_s: float
    p50_s: float
    p99_s: float


class LoadFailedError(Exception):
    """A load generator is missing, or some of its requests failed."""


def pinned(core: str, command: Sequence[str]) -> list[str]:
    """The command, kept on one core."""
    return ["taskset", "--cpu-list", core, *command]


def check_tools(more: Mapping[str, str] | None = None) -> None:
    """Errors: LoadFailedError names a program that is missing and the Debian package that has it."""
    for program, package in (PACKAGES | dict(more or {})).items():
        if shutil.which(program) is None:
            raise LoadFailedError(f"{program} is missing: apt-get install {package}")
