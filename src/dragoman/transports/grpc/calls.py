"""One RPC: its messages become `WireRequest`s, each `WireResponse` a message and a status.

A small call that is answered at once costs no task and one write. A call ends once: with a status of ours, or
because the client, the connection or its time is gone; then what it waits for is cancelled.
"""

import asyncio
from collections.abc import Awaitable, Coroutine
from time import monotonic
from typing import Any, Final

from dragoman.core.deferred import Deferred
from dragoman.transports.body import Pieces
from dragoman.transports.grpc.head import Head
from dragoman.transports.grpc.http2.connection import Connection
from dragoman.transports.grpc.http2.stream import WINDOW
from dragoman.transports.grpc.inbox import Inbox
from dragoman.transports.grpc.messages import (
    PREFIX,
    PREFIX_BYTES,
    Arrived,
    CallFault,
    Message,
    MessageReader,
    Packed,
    check_prefix,
)
from dragoman.transports.grpc.methods import Unary
from dragoman.transports.grpc.sending import FAILED, LOG, Sending
from dragoman.transports.grpc.status import DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE
from dragoman.transports.grpc.streams import NO_TIME, SHUTTING_DOWN, converse, write_parts
from dragoman.wire.messages import NO_PARAMS, AnswerStream, WireRequest, WireResponse

# Whoever answers knows the deadline too, and says more than we do: it has so much longer.
GRACE_S: Final = 0.05


class Call(Sending):
    """One RPC of a connection. `most` = bytes of a message; `pieces` = memory for them."""

    __slots__ = ("_answering", "_inbox", "_most", "_pieces", "_reader", "_timer", "deadline_s")

    def __init__(
        self, connection: Connection[Head], number: int, head: Head, most: int, pieces: Pieces
    ) -> None:
        super().__init__(connection, number, head)
        self._most = most
        self._pieces = pieces
        self._reader: MessageReader | None = None
        self._inbox: Inbox | None = None  # of a duplex stream
        self._answering: asyncio.Future[Any] | Deferred[WireResponse] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.deadline_s = None if head.timeout_s is None else monotonic() + head.timeout_s

    # The session calls these

    def begin(self, *, ends: bool) -> None:
        """Refuse the call, wait for its message, or begin to answer a stream of them."""
        head = self.head
        self.remote_ended = ends
        if self.deadline_s is not None:
            self.connection.session.timed.append(self)
        if head.fault is not None:
            self.connection.session.reset(self, head.fault)
        elif head.refusal is not None:
            self.refuse(head.refusal)
        elif head.method is not None and (run := head.method.stream) is not None:
            self._inbox = inbox = Inbox(self._replenish)
            if ends:
                inbox.end()
            self._run(converse(self, run, inbox))
        elif ends:
            self.fail(INTERNAL, "the call ended without a message")

    def received(self, piece: memoryview, *, ends: bool) -> None:
        """Bytes of messages. Of a call that takes one, further ones are not looked at."""
        if self._inbox is None and (self.begun or self._answering is not None):
            self.remote_ended = ends
            return
        reader, size = self._reader, len(piece)
        if reader is not None and not ends and reader.holds(piece):
            return
        try:
            if reader is None and size >= PREFIX_BYTES:
                flag, told = PREFIX.unpack_from(piece)
                if not flag and told == size - PREFIX_BYTES:  # one whole message, as most are
                    check_prefix(flag, told, b"identity", self._most)
                    self.remote_ended = ends
                    self._message(bytes(piece[PREFIX_BYTES:]), ends=ends)
                    return
            if reader is None:
                self._reader = reader = MessageReader(self.head.encoding, self._most, self._pieces)
            self._messages(reader.feed(piece), reader, ends=ends)
        except CallFault as fault:
            self.remote_ended = ends
            self.fail(fault.status, fault.message)

    def space(self) -> memoryview | None:
        """Where the rest of a large message may be written."""
        return None if self.closed or self._reader is None else self._reader.space()

    def filled(self, count: int, *, ends: bool) -> None:
        """So many bytes were written there."""
        reader = self._reader
        if self.closed or reader is None:
            return
        try:
            self._messages(reader.filled(count), reader, ends=ends)
        except CallFault as fault:
            self.remote_ended = ends
            self.fail(fault.status, fault.message)

    def end(self) -> None:
        """The client sends nothing more."""
        self.remote_ended = True
        unfinished = self._reader is not None and self._reader.unfinished
        fault = CallFault(INTERNAL, "the call ended inside a message") if unfinished else None
        if self._inbox is not None:
            self._inbox.end(fault)
        elif fault is not None:
            self.fail(fault.status, fault.message)
        elif self._answering is None and not self.begun:
            self.fail(INTERNAL, "the call ended without a message")

    def over(self) -> None:
        """Everything is written."""
        if self._timer is not None:
            self._timer.cancel()
        super().over()

    def gone(self) -> None:
        """Stop, unless it is the answer itself that ends the call."""
        if self._timer is not None:
            self._timer.cancel()
        if self._answering is not None and self._answering is not asyncio.current_task():
            self._answering.cancel()

    def shut(self) -> None:
        """The server stops."""
        self.fail(UNAVAILABLE, SHUTTING_DOWN)

    def close_inbox(self) -> None:
        """Take no more messages of a stream: it ends when it has answered those it has."""
        if self._inbox is not None:
            self._inbox.close()

    # Messages

    def _messages(self, messages: list[Arrived], reader: MessageReader, *, ends: bool) -> None:
        """Take what is complete, and let the client send what is not."""
        over = ends and not reader.unfinished
        self.remote_ended = over
        for message in messages:
            self._message(message, ends=over and message is messages[-1])
        if ends:
            self.end()
        elif not self.closed:
            self._replenish()

    def _message(self, message: Arrived, *, ends: bool) -> None:
        """A message is here."""
        if self._inbox is not None:
            self._inbox.put(message)
            if ends:
                self._inbox.end()
            return
        method = self.head.method
        if self._answering is not None or self.begun or method is None or method.one is None:
            return
        if isinstance(message, Packed):
            self._answer_with(self._inflate(message, method.one))
            return
        try:
            answer = method.one(self.request(message))
        except Exception:
            LOG.exception("handler failed", method=self.head.path)
            answer = WireResponse(INTERNAL, message=FAILED)
        if isinstance(answer, WireResponse):
            self._respond(answer)
        elif isinstance(answer, Deferred) and not answer.done:
            self._answering = answer
            self.wait()
            answer.then(self._deferred)
        else:
            self._answer_with(answer)

    def request(self, message: Message) -> WireRequest:
        """The message as codecs and gateway take it."""
        head = self.head
        return WireRequest(
            "POST", head.path, "", head.headers, message, NO_PARAMS, self.connection.peer, self.deadline_s
        )

    def _replenish(self) -> None:
        """Let the client send the message that has begun, and of a stream as much as one window holds.

        Not while messages wait to be taken: no more than a window and a message of a stream is held.
        """
        inbox, reader = self._inbox, self._reader
        if self.closed or self.remote_ended or (inbox is not None and inbox.waiting):
            return
        missing = 0 if reader is None else reader.missing
        if missing > self.quota or (inbox is not None and self.quota < WINDOW // 2):
            size = max(missing, WINDOW) - self.quota
            self.quota += size
            self.connection.session.grant(self.id, size)

    # Answers

    def _respond(self, answer: WireResponse) -> None:
        """Write the answer, or begin to write its parts."""
        if answer.status:
            self.fail(answer.status, answer.message, answer.headers)
        elif answer.stream is not None:
            self._run(write_parts(self, answer.stream, answer.headers), answer.stream)
        else:
            self.write_whole(answer.body, answer.headers)
            if not self.closed:
                self.wait()

    def _answer_with(self, answer: Awaitable[WireResponse]) -> None:
        """Answer with what comes later."""
        self._answering = future = asyncio.ensure_future(answer)
        self.wait()
        future.add_done_callback(self._answered)

    async def _inflate(self, packed: Packed, one: Unary) -> WireResponse:
        """The answer to a message that takes long to inflate."""
        try:
            message = await packed.message()
        except CallFault as fault:
            return WireResponse(fault.status, message=fault.message)
        answer = one(self.request(message))
        return answer if isinstance(answer, WireResponse) else await answer

    def _deferred(self, answer: Deferred[WireResponse]) -> None:
        """The answer to a call that waited without a task."""
        self._answering = None
        if self.closed:
            return
        try:
            response = answer.result()
        except Exception:
            LOG.exception("handler failed", method=self.head.path)
            response = WireResponse(INTERNAL, message=FAILED)
        self._respond(response)

    def _answered(self, future: "asyncio.Future[WireResponse]") -> None:
        """The answer to a call that took a task."""
        self._answering = None
        error = asyncio.CancelledError() if future.cancelled() else future.exception()
        if self.closed:
            if error is None and (parts := future.result().stream) is not None:
                self._answering = asyncio.ensure_future(parts.aclose())
        elif error is None:
            self._respond(future.result())
        else:
            LOG.error("handler failed", method=self.head.path, exc_info=error)
            self.fail(INTERNAL, FAILED)

    def _run(self, work: Coroutine[Any, Any, None], parts: AnswerStream | None = None) -> None:
        """Have the rest of the answer written by a task."""
        self._answering = task = asyncio.ensure_future(work)
        self.wait()
        task.add_done_callback(lambda ended: self._ran(ended, parts))

    def _ran(self, task: "asyncio.Future[None]", parts: AnswerStream | None) -> None:
        self._answering = None
        if task.cancelled():
            if parts is not None:  # a task that was cancelled before it began has not given them back
                self._answering = asyncio.ensure_future(parts.aclose())
        elif (error := task.exception()) is not None:
            LOG.error("answer broke off", method=self.head.path, exc_info=error)
            self.fail(INTERNAL, FAILED)

    # Time

    def wait(self) -> None:
        """End the call when its time is over, which most need not be told."""
        if self._timer is None and self.deadline_s is not None and not self.closed:
            left_s = self.deadline_s - monotonic()
            self._timer = asyncio.get_running_loop().call_later(left_s + GRACE_S, self._expire)

    def _expire(self) -> None:
        self.fail(DEADLINE_EXCEEDED, NO_TIME)
