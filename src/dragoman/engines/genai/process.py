"""The process that steps a pipeline, as the server has it: started, asked, ended, and started again."""

import socket
import subprocess
import sys
from typing import Final

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.genai.link import Begin, Cancel, Link, Start, Started, Steps, Told

MAIN: Final = "dragoman.engines.genai.steps"
FLAGS: Final = ("-P", "-X", "faulthandler", "-B")
END_S: Final = 10.0  # for it to end by itself; then it is killed


class RefusedError(Exception):
    """There is no model; the text is the runtime's own, for the log."""


class StepProcess:
    """One process with its pipeline.

    Errors: RefusedError where it has none.
    """

    def __init__(self, start: Start) -> None:
        ours, theirs = socket.socketpair()
        self._link = Link(ours)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
                [sys.executable, *FLAGS, "-m", MAIN, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # signals are for the server, which ends it
            )
        try:
            self._link.send(start)
            started = self._link.receive()
        except (EOFError, OSError):
            started = Started("its process ended before it was there")
        if not isinstance(started, Started) or started.refusal is not None:
            self.close()
            raise RefusedError(started.refusal if isinstance(started, Started) else "it answered otherwise")

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def send(self, command: Begin | Cancel) -> bool:
        """Ask for something; False = the process is gone. It may block."""
        try:
            self._link.send(command)
        except OSError:
            return False
        return True

    def read(self) -> Steps | None:
        """What steps gave, waiting for them; None = the process is gone."""
        try:
            steps = self._link.receive()
        except EOFError:
            return None
        return steps if isinstance(steps, Steps) else None

    def end(self) -> None:
        """Have it end; whoever reads finds that it is gone."""
        self._link.end()

    def close(self) -> int:
        """Wait for its end; its exit code."""
        self._link.end()
        try:
            code = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._link.close()
        return code


def failure_of(told: Told, model: str) -> DragomanError | None:
    """Why a text ends that comes to no end of its own."""
    if told.failure is None:
        return None
    return no_room(model) if told.failure == "no_room" else failed()


def failed() -> DragomanError:
    """The error for a text at which the engine failed."""
    return DragomanError(
        Code.INTERNAL, "the engine failed while it wrote this text; the server's log says why"
    )


def no_room(model: str) -> DragomanError:
    """The error for a text that the engine dropped."""
    return DragomanError(
        Code.RESOURCE_EXHAUSTED,
        f"model {model} has no memory left for this text; options.cache_gib bounds it",
        retry_after_s=1.0,
    )
