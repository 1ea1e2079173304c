"""vLLM's process: started, waited for, started again when it ends, and ended with the model.

Three threads meet here: whoever loads or closes the model, the keeper that waits for the end of the process,
and the event loop on which all calls of it are made.
"""

import asyncio
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any, Final, TypeVar

import structlog

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.base import Progress
from dragoman.engines.child import Child
from dragoman.engines.upstream import (
    Answer,
    OpenAiUpstream,
    Request,
    Upstream,
    UpstreamRules,
    socket_place,
)
from dragoman.engines.vllm.command import ENVIRONMENT
from dragoman.engines.vllm.options import VllmOptions

T = TypeVar("T")
SOCKET: Final = "vllm.sock"
TURN_S: Final = 0.1  # how soon it is seen that the process is there
ASK_S: Final = 10.0  # for an answer about its health
PAUSES_S: Final = (0.5, 2.0, 8.0, 30.0)  # before it is started again; the last one for all further ones
GRACE_S: Final = 3.0  # for the process to end by itself
SCORING: Final = 8  # connections besides those of texts
NEVER: Final = 2**31  # the keeper knows better than a count of failures
RETRY_S: Final = 5.0
DOING: Final = "vLLM loads it, which may take minutes"


class VllmServer:
    """One model's process. `make_command` gives its command line for the path of a Unix socket."""

    def __init__(self, model: str, make_command: Callable[[str], list[str]], options: VllmOptions) -> None:
        self.down = ""  # why nothing is asked of it just now; empty = it answers
        self._model = model
        self._options = options
        self._folder = tempfile.mkdtemp(prefix="dragoman-vllm-")
        self._socket = os.path.join(self._folder, SOCKET)
        self._command = make_command(self._socket)
        rules = UpstreamRules(
            timeout_s=options.idle_timeout_s,
            idle_timeout_s=options.idle_timeout_s,
            retries=0,
            connections=options.at_once + SCORING,
            failures=NEVER,
        )
        self.upstream = Upstream("vLLM", socket_place(self._socket), rules)
        self.openai = OpenAiUpstream(self.upstream)
        self.loop = asyncio.new_event_loop()
        self._calls = threading.Thread(target=self.loop.run_forever, name=f"vllm-{model}", daemon=True)
        self._calls.start()
        self._child: Child | None = None
        self._keeper: threading.Thread | None = None
        self._closing = threading.Event()
        self._log = structlog.get_logger("dragoman.engines.vllm").bind(model=model)

    def open(self, progress: Progress) -> None:
        """Start the process and wait until it answers.

        Errors: FAILED_PRECONDITION where it does not; CANCELLED.
        """
        progress.tell(DOING)
        self._child = self._started(progress.wanted)
        self._keeper = threading.Thread(target=self._keep, name=f"keeper-{self._model}", daemon=True)
        self._keeper.start()

    def ask(self, call: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """What a call gives, waited for on another thread than the loop's.

        Errors: DragomanError.
        """
        future: Future[T] = asyncio.run_coroutine_threadsafe(call, self.loop)
        try:
            return future.result(timeout_s)
        except CancelledError:
            raise DragomanError(Code.UNAVAILABLE, f"model {self._model} is closed") from None
        except TimeoutError:
            future.cancel()
            raise DragomanError(
                Code.DEADLINE_EXCEEDED, f"vLLM gave no answer within {timeout_s:g} s"
            ) from None

    def check(self) -> None:
        """Refuse what nobody would answer.

        Errors: UNAVAILABLE.
        """
        if self.down:
            raise DragomanError(Code.UNAVAILABLE, self.down, retry_after_s=RETRY_S)

    def close(self) -> None:
        """End the process and all calls. Calling it twice does no harm."""
        if self._closing.is_set():
            return
        self._closing.set()
        self.down = f"model {self._model} is closed"
        self.loop.call_soon_threadsafe(self._end_calls)
        shutil.rmtree(self._folder, ignore_errors=True)  # first: the server may not wait for all of this
        if self._child is not None:
            self._child.stop(GRACE_S)
        if self._keeper is not None:
            self._keeper.join()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._calls.join()
        self.loop.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end_calls(self) -> None:
        self.upstream.close()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()

    def _started(self, wanted: Callable[[], bool]) -> Child:
        """A process that answers.

        Errors: FAILED_PRECONDITION, CANCELLED.
        """
        with suppress(FileNotFoundError):
            os.unlink(self._socket)
        child = Child(self._command, {**os.environ, **ENVIRONMENT})
        end = time.monotonic() + self._options.start_timeout_s
        try:
            while not self._answers():
                code = child.ended(TURN_S)
                if code is not None:
                    raise self._unstarted(f"it ended with status {code}", child)
                if not wanted() or self._closing.is_set():
                    raise DragomanError(Code.CANCELLED, "the model is not wanted any more")
                if time.monotonic() > end:
                    limit_s = self._options.start_timeout_s
                    raise self._unstarted(f"it was not ready within {limit_s:g} s", child)
        except BaseException:
            child.stop(GRACE_S)
            raise
        return child

    def _answers(self) -> bool:
        """Whether the process listens, and says that it is well."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(self._socket)
            except OSError:
                return False
        try:
            return self.ask(self._health(), ASK_S)
        except DragomanError:
            return False

    async def _health(self) -> bool:
        return await self.upstream.call(Request("GET", "/health", idempotent=True), is_there)

    def _unstarted(self, why: str, child: Child) -> DragomanError:
        child.stop(GRACE_S)
        self._log.error("vLLM did not start", why=why, said=child.last_words)
        return DragomanError(
            Code.FAILED_PRECONDITION, f"vLLM does not serve this model: {why}; the log tells more"
        )

    def _keep(self) -> None:
        """The keeper's thread: start the process again when it ends, so many times in a row."""
        again = 0
        began = time.monotonic()
        while self._child is not None:
            if self._closing.is_set():  # while it was started
                return self._child.stop(GRACE_S)
            code = self._child.ended(None)
            if self._closing.is_set():
                return None
            if time.monotonic() - began > self._options.steady_s:
                again = 0
            self.down = f"vLLM has ended, and model {self._model} is loaded once more"
            self._log.error("vLLM has ended", status=code, said=self._child.last_words)
            self._child.stop(0)
            if again == self._options.restarts:
                self.down = f"vLLM has ended {again + 1} times in a row; the log of this server tells more"
                return None
            if self._closing.wait(PAUSES_S[min(again, len(PAUSES_S) - 1)]):
                return None
            again += 1
            began = time.monotonic()
            try:
                self._child = self._started(lambda: True)
            except DragomanError:
                continue
            self.down = ""
        return None


def is_there(_: Answer) -> bool:
    """That an answer came is all."""
    return True
