"""A worker process, seen from the server: start it, load the model in it, end it."""

import asyncio
import os
import select
import signal
import socket
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from threading import Event, Lock
from time import monotonic
from typing import Final

import structlog

from dragoman.core.errors import Code, DragomanError
from dragoman.execution.workers.channel import Channel
from dragoman.execution.workers.children import LOST, Child, Given, StartedChild
from dragoman.execution.workers.frames import (
    FROM_WORKER,
    Close,
    Failed,
    FromWorker,
    GarbledError,
    Load,
    Ready,
    Record,
)
from dragoman.execution.workers.memory import create_memory
from dragoman.execution.workers.output import OutputLines, Ration, forward

LEVELS: Final = frozenset({"debug", "info", "warning", "error"})
LOAD_SETTING: Final = "worker.load_timeout_s"
STOP_S: Final = 5.0  # for the loop to stop the workers; it may itself have come to its end
OUTPUT_END_S: Final = 1.0  # for the last lines of a worker that was ended

Start = Callable[[Load, Given], Child]


class WorkerProcess:
    """One process, with what the server shares with it.

    It ends when the server does, however that ends: the kernel ends it when the pipe `lifeline` closes.
    """

    def __init__(self, load: Load, instance: int, start: Start = StartedChild) -> None:
        artifact = load.artifact
        self.load = load
        self.instance = instance
        self.load_s = 0.0  # what it took until the model was loaded, once it is
        self._began_s = monotonic()
        self._log = structlog.get_logger("dragoman.worker").bind(
            model=artifact.model, version=artifact.version, instance=instance
        )
        self._ration = Ration()
        self._dropped = 0
        self._ending = Lock()
        try:
            with ExitStack() as ours, ExitStack() as given:
                self._start(start, ours, given)
                ours.pop_all()
        except OSError as error:
            reason = (error.strerror or "unknown reason").lower()
            raise DragomanError(Code.UNAVAILABLE, f"the server cannot start a worker: {reason}") from error

    def _start(self, start: Start, ours: ExitStack, given: ExitStack) -> None:
        """Start the process. What is `given` to it is closed here at once, `ours` only where this fails."""
        here, there = socket.socketpair()
        ours.callback(here.close)
        given.callback(there.close)
        self.channel = Channel(here)
        self.memory = create_memory()
        ours.callback(self.memory.close)
        lifeline, self._lifeline = os.pipe()
        ours.callback(os.close, self._lifeline)
        given.callback(os.close, lifeline)
        printed, output = os.pipe()
        ours.callback(os.close, printed)
        given.callback(os.close, output)
        self._child = start(self.load, Given(there.fileno(), self.memory.fd, lifeline, output))
        ours.callback(self.kill)
        self.pid, self.pidfd = self._child.pid, self._child.pidfd
        lines = OutputLines(lambda line: self._log.info("output", line=line))
        self._output = forward(printed, lines, f"output-{self.load.artifact.model}-{self.instance}")

    def begin(self) -> None:
        """Tell the worker to load the model."""
        with suppress(OSError):  # it has ended already, which whoever waits for the answer is told
            self.channel.send(self.load)

    def request_end(self) -> None:
        """Tell the worker to close the model and end; for a link that no event loop has."""
        with suppress(OSError):
            self.channel.send(Close())

    def wait_ready(
        self, timeout_s: float, setting: str = LOAD_SETTING, since_s: float | None = None
    ) -> Ready:
        """Wait until the model is loaded; it blocks. The time counts from `since_s` on, else from now.

        Errors: what the engine raised; DEADLINE_EXCEEDED; INTERNAL where the worker ended.
        """
        until_s = (monotonic() if since_s is None else since_s) + timeout_s
        try:
            while isinstance(frame := self.channel.receive(FROM_WORKER, until_s), Record):
                self.record(frame)
        except TimeoutError:
            raise self.slow(timeout_s, setting) from None
        except GarbledError:
            frame = None
        if frame is None:
            raise self.ended_early(self.end())
        ready = check_ready(frame)
        self.note_loaded()
        return ready

    def note_loaded(self) -> None:
        """The model is loaded now."""
        self.load_s = monotonic() - self._began_s

    def slow(self, timeout_s: float, setting: str = LOAD_SETTING) -> DragomanError:
        """The error for a model that takes longer to load than the setting of this name allows."""
        return DragomanError(
            Code.DEADLINE_EXCEEDED, f"the model was not loaded within {timeout_s:g} s ({setting})"
        )

    def ended_early(self, how: str) -> DragomanError:
        """The error for a worker that ended before the model was loaded."""
        return DragomanError(
            Code.INTERNAL,
            f"the model's worker ended while it loaded the model ({how}); the server's log tells more",
        )

    def record(self, record: Record) -> None:
        """Log what the worker wants logged; what is beyond its ration is counted."""
        if not self._ration.left:
            self._dropped += 1
            return
        self._ration.take()
        if self._dropped:
            self._log.warning("records dropped", count=self._dropped)
            self._dropped = 0
        level = record.level if record.level in LEVELS else "info"
        fields = {key: text for key, text in record.fields.items() if key != "event"}
        getattr(self._log, level)(record.event, **fields)

    def kill(self) -> None:
        """End the process and all that it started, at once. Nothing happens where it was waited for."""
        self._child.kill()

    def end(self, grace_s: float = 0.0) -> str:
        """Wait until the process has ended, kill it after `grace_s`, give back what it held; how it ended.

        Called twice, it does nothing the second time. It blocks.
        """
        with self._ending:
            if self._child.returncode is None:
                self._end(grace_s)
        return how_ended(self._child.returncode)

    def _end(self, grace_s: float) -> None:
        ended = select.poll()
        ended.register(self.pidfd, select.POLLIN)
        ended.poll(grace_s * 1000)
        self.kill()  # what it started, too
        self._child.wait()
        self._output.join(OUTPUT_END_S)
        self.channel.socket.close()
        self.memory.close()
        os.close(self._lifeline)
        os.close(self.pidfd)


def end_together(processes: Iterable[WorkerProcess], grace_s: float) -> None:
    """Wait until all have ended, and kill those that have not after `grace_s`. It blocks."""
    until_s = monotonic() + grace_s
    for process in processes:
        process.end(max(until_s - monotonic(), 0.0))


def end_on_loop(
    loop: asyncio.AbstractEventLoop, stop: Callable[[], Iterable[WorkerProcess]], grace_s: float
) -> None:
    """End workers that the event loop has: `stop`, called on its thread, gives their processes. It blocks."""
    stopped = Event()
    processes: list[WorkerProcess] = []

    def begin() -> None:
        processes.extend(stop())
        stopped.set()

    with suppress(RuntimeError):  # the loop is closed: the server ends, and its workers with it
        loop.call_soon_threadsafe(begin)
        stopped.wait(STOP_S)
    end_together(processes, grace_s)


def check_ready(frame: FromWorker) -> Ready:
    """The frame that says the model is loaded.

    Errors: what the engine raised; INTERNAL for any other frame.
    """
    if isinstance(frame, Ready):
        return frame
    if isinstance(frame, Failed):
        raise DragomanError(frame.code, frame.message)
    raise DragomanError(Code.INTERNAL, "the model's worker does not behave as a worker should")


def how_ended(status: int | None) -> str:
    """An exit status in words."""
    if status is None or status == LOST:
        return "exit code not known"
    if status >= 0:
        return f"exit code {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"
