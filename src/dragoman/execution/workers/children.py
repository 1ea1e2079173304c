"""The process of a worker: how it is started, ended and waited for.

It is of a session of its own, so that signals for the server do not reach it first, and so that it is ended
with all that it started.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Protocol

from msgspec import Struct

from dragoman.core.errors import invalid
from dragoman.execution.workers.frames import Load
from dragoman.settings.model import ModelSettings

MAIN: Final = "dragoman.execution.workers.main"
# No folder of the server's on the path, nothing held back in print, a traceback for a crash, and no files
# written beside the model, which would look like a change of it.
FLAGS: Final = ("-P", "-u", "-X", "faulthandler", "-B")
LOST: Final = 1 << 16  # instead of an exit code, where nobody can know that any more


class Given(Struct, frozen=True):
    """File descriptors that a worker gets: see docs/worker-protocol.md. `output` is its standard output."""

    link: int
    memory: int
    lifeline: int
    output: int


class Child(Protocol):
    """A worker's process. `returncode` None = it was not waited for; below 0 = minus the signal's number."""

    pid: int
    pidfd: int
    returncode: int | None

    def kill(self) -> None:
        """End it and all that it started, at once. Nothing happens where it was waited for."""

    def wait(self) -> None:
        """Wait for its end, and let the kernel forget it."""


class StartedChild:
    """One with an interpreter of its own."""

    def __init__(self, load: Load, given: Given) -> None:
        passed = (given.link, given.memory, given.lifeline)
        self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            [interpreter(load), *FLAGS, "-m", MAIN, *map(str, passed)],
            stdin=subprocess.DEVNULL,
            stdout=given.output,
            stderr=given.output,
            pass_fds=passed,
            start_new_session=True,
            env=environment(load.artifact.settings, os.environ),
        )
        self.pid = self._process.pid
        self.returncode: int | None = None
        try:
            self.pidfd = os.pidfd_open(self.pid)
        except OSError:
            self.kill()
            self.wait()
            raise

    def kill(self) -> None:
        """End it and all that it started."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        """Wait for its end."""
        self.returncode = self._process.wait()


def interpreter(load: Load) -> str:
    """The Python that runs a model's workers: the server's own, unless the model has another."""
    return load.artifact.python.interpreter or sys.executable


def environment(settings: ModelSettings, server: Mapping[str, str]) -> Mapping[str, str]:
    """The server's environment without what is hidden, and this machine's cores shared among the instances.

    Errors: INVALID_ARGUMENT for what is no regular expression.
    """
    try:
        hidden = re.compile(settings.worker.hidden_environment)
    except re.error as error:
        raise invalid(f"worker.hidden_environment: this is no regular expression: {error}") from error
    seen = {name: value for name, value in server.items() if not hidden.fullmatch(name)}
    return {"OMP_NUM_THREADS": str(threads_of(settings.instances)), **seen}


def threads_of(instances: int) -> int:
    """How many threads one of so many workers computes with."""
    return max(1, len(os.sched_getaffinity(0)) // max(instances, 1))
