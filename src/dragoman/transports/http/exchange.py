"""A request's way to its answer: routed, handed to the handler, answered at once or later."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import structlog

from dragoman.core.deferred import Deferred
from dragoman.transports.http.answer import CLOSE, KEEP_ALIVE
from dragoman.transports.http.head import Head
from dragoman.transports.http.outgoing import BrokenOffError, Outgoing
from dragoman.transports.http.refusal import neutral
from dragoman.transports.http.shared import Shared
from dragoman.wire.messages import AnswerStream, WireRequest, WireResponse
from dragoman.wire.operation import InferOperation, Operation

LOG: Final = structlog.get_logger("dragoman.http")
INTERNAL: Final = "the server failed to answer; its log says why"


class Exchange:
    """The requests of one connection, one after the other.

    `answering` is what the present one waits for, where it waits; `done` is called when that is over, with
    whether the answer is whole. `ending` = the answer last given, or the present one, is the last.
    """

    __slots__ = ("_done", "_head", "_operation", "_out", "_peer", "_shared", "answering", "ending")

    def __init__(self, shared: Shared, out: Outgoing, peer: str, done: Callable[[bool], None]) -> None:
        self._shared = shared
        self._out = out
        self._peer = peer
        self._done: Callable[[bool], None] | None = done
        self._head: Head
        self._operation: Operation | None = None
        self.answering: asyncio.Future[Any] | Deferred[WireResponse] | None = None
        self.ending = False

    def begin(self, head: Head, body: bytes | bytearray | memoryview) -> None:
        """Have a request answered."""
        shared = self._shared
        self._head = head
        route = head.route
        if route is None:
            head.route = route = shared.router.route(head.method, head.path, head.headers)
        self._operation = route.operation
        wire = WireRequest(
            head.method, route.path, head.query, head.headers, body,
            route.params, self._peer, None, route.deployment,
        )  # fmt: skip
        try:
            answer = shared.handler(route.operation, wire)
        except Exception:
            LOG.exception("handler failed", method=head.method, path=head.path)
            answer = neutral(500, INTERNAL)
        if isinstance(answer, WireResponse):
            self._respond(answer)
        elif isinstance(answer, Deferred) and not answer.done:
            self.answering = answer
            answer.then(self._deferred)
        else:
            self.answering = future = asyncio.ensure_future(answer)
            future.add_done_callback(self._answered)

    @property
    def is_deserted_at_eof(self) -> bool:
        """Whether a client that shuts its writing side now wants no answer to what it waits for."""
        operation = self._operation
        return self.answering is not None and type(operation) is InferOperation and operation.ends_at_eof

    def cancel(self) -> None:
        """The client is gone."""
        self._done = None
        if self.answering is not None:
            self.answering.cancel()

    def _deferred(self, answer: Deferred[WireResponse]) -> None:
        """The answer to a request that waited without a task."""
        self.answering = None
        try:
            response = answer.result()
        except Exception:
            LOG.exception("handler failed", method=self._head.method, path=self._head.path)
            response = neutral(500, INTERNAL)
        self._respond(response)
        if self.answering is None and self._done is not None:
            self._done(True)

    def _answered(self, future: "asyncio.Future[WireResponse]") -> None:
        """The handler has done with a request that took a task."""
        self.answering = None
        error = failure(future)
        if self._done is None:
            if error is None and (parts := future.result().stream) is not None:
                self.answering = asyncio.ensure_future(parts.aclose())
            return
        if error is None:
            self._respond(future.result())
        else:
            LOG.error("handler failed", method=self._head.method, path=self._head.path, exc_info=error)
            self._respond(neutral(500, INTERNAL))
        if self.answering is None:
            self._done(True)

    def _respond(self, response: WireResponse) -> None:
        """Put the answer in line, or begin to stream it."""
        head, stream = self._head, response.stream
        keep_alive = response.keep_alive
        if (
            not head.keep_alive
            or keep_alive is False
            or self._shared.draining
            or (stream is not None and not head.modern)
        ):
            self.ending = True
        silent = head.modern and not keep_alive
        connection = CLOSE if self.ending else b"" if silent else KEEP_ALIVE
        bodiless = head.method == "HEAD"
        try:
            if stream is None:
                self._out.add(response, connection, bodiless=bodiless)
                return
            self._out.begin(response, connection, chunked=head.modern)
        except ValueError:
            LOG.exception("answer cannot be written", method=head.method, path=head.path)
            self._out.add(neutral(500, INTERNAL), connection, bodiless=bodiless)
            return
        self.answering = task = asyncio.ensure_future(
            self._out.stream(stream, chunked=head.modern, bodiless=bodiless)
        )
        task.add_done_callback(partial(self._streamed, stream))

    def _streamed(self, stream: AnswerStream, task: "asyncio.Future[None]") -> None:
        """A streamed answer is over, or broke off."""
        self.answering = None
        error = failure(task)
        if self._done is None:  # a task that was cancelled before it began has not given the stream back
            self.answering = asyncio.ensure_future(stream.aclose())
            return
        if error is not None and not isinstance(error, BrokenOffError):
            LOG.error("answer broke off", method=self._head.method, path=self._head.path, exc_info=error)
        self._done(error is None)


def failure(future: "asyncio.Future[Any]") -> BaseException | None:
    """Why there is no result, or None."""
    return asyncio.CancelledError() if future.cancelled() else future.exception()
