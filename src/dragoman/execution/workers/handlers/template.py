"""The template process of handlers' workers, seen from the server; `workers/forking.py` is what it runs."""

import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from threading import Lock
from typing import Final, TypeVar

import msgspec
import structlog

from dragoman.execution.workers.children import FLAGS, LOST, Given, threads_of
from dragoman.execution.workers.frames import Load
from dragoman.execution.workers.output import OutputLines, forward
from dragoman.execution.workers.packets import (
    FROM_TEMPLATE,
    Fork,
    Forked,
    FromTemplate,
    Import,
    Imported,
    Reap,
    Reaped,
    Refused,
    ToTemplate,
    receive,
    send,
)

MAIN: Final = "dragoman.execution.workers.forking"
TIMEOUT_S: Final = 120.0  # for what it is asked: to import torch takes some seconds
OUTPUT_END_S: Final = 1.0
T = TypeVar("T", bound=FromTemplate)


class TemplateError(Exception):
    """The template does not do what it should; it is not asked again."""


class Template:
    """One template process. Any thread may ask; one after the other is answered. It ends with the server.

    Errors of every method: TemplateError.
    """

    def __init__(self) -> None:
        self._asking = Lock()
        self._log = structlog.get_logger("dragoman.worker")
        self._ended = False
        try:
            with ExitStack() as ours:
                with ExitStack() as given:
                    self._start(ours, given)
                check(self._answer(Imported)[0])
                ours.pop_all()
        except OSError as error:
            raise TemplateError(f"it cannot be started: {error.strerror}") from error

    def fork(self, load: Load, given: Given) -> "ForkedChild":
        """A worker.

        Errors: OSError, too, where the system has no room for one more process.
        """
        threads = threads_of(load.artifact.settings.instances)
        request = Fork(threads, load.artifact.model)
        packed = (given.link, given.memory, given.lifeline, given.output)
        reply, descriptors = self._ask(request, Forked, packed)
        return ForkedChild(self, reply.pid, descriptors[0])

    def import_modules(self, modules: list[str]) -> None:
        """Have it import modules for the workers to come."""
        check(self._ask(Import(modules), Imported)[0])

    def reap(self, pid: int) -> int | None:
        """How a worker has ended; None = there is none of that number."""
        return self._ask(Reap(pid), Reaped)[0].status

    @property
    def alive(self) -> bool:
        """Whether it is there."""
        return not self._ended and self._process.poll() is None

    def close(self) -> None:
        """End it. Its workers go on."""
        with self._asking:
            self._end()

    def _start(self, ours: ExitStack, given: ExitStack) -> None:
        here, there = socket.socketpair(type=socket.SOCK_SEQPACKET)
        ours.callback(here.close)
        given.callback(there.close)
        here.settimeout(TIMEOUT_S)
        self._link = here
        lifeline, self._lifeline = os.pipe()
        ours.callback(os.close, self._lifeline)
        given.callback(os.close, lifeline)
        printed, output = os.pipe()
        given.callback(os.close, output)
        passed = (there.fileno(), lifeline)
        lines = OutputLines(lambda line: self._log.info("output of the template", line=line))
        self._output = forward(printed, lines, "output-template")
        ours.callback(self._output.join, OUTPUT_END_S)
        self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            [sys.executable, *FLAGS, "-m", MAIN, *map(str, passed)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=passed,
            start_new_session=True,
        )
        ours.callback(self._kill)

    def _ask(
        self, request: ToTemplate, form: type[T], descriptors: tuple[int, ...] = ()
    ) -> tuple[T, list[int]]:
        with self._asking:
            if self._ended:
                raise TemplateError("it has ended")
            try:
                self._send(request, descriptors)
                return self._answer(form)
            except BaseException as error:
                if not isinstance(error, OSError):  # else it goes on, and has said no
                    self._end()
                raise

    def _send(self, request: ToTemplate, descriptors: tuple[int, ...]) -> None:
        try:
            send(self._link, request, descriptors)
        except OSError as error:
            raise TemplateError(f"it has ended: {error}") from error

    def _answer(self, form: type[T]) -> tuple[T, list[int]]:
        """Its answer, of this form, and the file descriptors that come with it.

        Errors: TemplateError; OSError where the system refused what it was asked.
        """
        try:
            packet, descriptors = receive(self._link, 1)
            reply = FROM_TEMPLATE.decode(packet)
        except OSError as error:
            raise TemplateError(f"it gives no answer: {error}") from error
        except msgspec.MsgspecError as error:
            raise TemplateError("it has ended, or its answer is none") from error
        if isinstance(reply, form):
            return reply, descriptors
        if isinstance(reply, Refused):
            raise OSError(reply.error, os.strerror(reply.error))
        raise TemplateError("it gives another answer")

    def _kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._kill()
            self._output.join(OUTPUT_END_S)
            self._link.close()
            os.close(self._lifeline)


def check(imported: Imported) -> None:
    """Whether it may still be forked.

    Errors: TemplateError.
    """
    if imported.problem:
        raise TemplateError(imported.problem)


class ForkedChild:
    """A worker's process that is a child of the template."""

    def __init__(self, template: Template, pid: int, pidfd: int) -> None:
        self.pid = pid
        self.pidfd = pidfd
        self.returncode: int | None = None
        self._template = template

    def kill(self) -> None:
        """End it and all that it started.

        Its group is there a moment after itself, and its number may be another's once nobody is there to
        wait for it but the system.
        """
        if self.returncode is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            if self._template.alive or not self._has_ended(0):
                with suppress(ProcessLookupError):
                    os.killpg(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        """Wait for its end."""
        self._has_ended(None)
        try:
            status = self._template.reap(self.pid)
        except TemplateError:
            status = None
        self.returncode = LOST if status is None else status

    def _has_ended(self, timeout_s: float | None) -> bool:
        ended = select.poll()
        ended.register(self.pidfd, select.POLLIN)
        return bool(ended.poll(None if timeout_s is None else timeout_s * 1000))
