"""Answers of several messages, written as fast as the client reads them."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from time import monotonic
from typing import Final, Protocol

from dragoman.transports.grpc.inbox import Inbox
from dragoman.transports.grpc.methods import Streamed
from dragoman.transports.grpc.status import DEADLINE_EXCEEDED, UNAVAILABLE
from dragoman.wire.messages import AnswerStream, Headers, WireRequest

SHUTTING_DOWN: Final = "the server is shutting down"
NO_TIME: Final = "the call's deadline has passed"
# Timers may be early by that. An answer in the last of a stream's time would race its client's own clock.
EARLY_S: Final = 0.002


class Answered(Protocol):
    """The call that is answered."""

    deadline_s: float | None

    def request(self, message: bytes | memoryview) -> WireRequest:
        """A message as codecs and gateway take it."""

    async def write(self, body: bytes | bytearray | memoryview) -> None:
        """Send a message."""

    def finish(self, headers: Headers) -> None:
        """End the call."""

    def fail(self, status: int, message: str, headers: Headers | None = None) -> None:
        """End the call with a status."""


async def write_parts(call: Answered, parts: AnswerStream, headers: Headers) -> None:
    """Any number of messages for one."""
    try:
        async for part in parts:
            await call.write(part)
    finally:
        await parts.aclose()
    ending = parts.ending
    if ending is not None and ending.status:
        call.fail(ending.status, ending.message, ending.headers or headers)
    else:
        call.finish(headers)


async def converse(call: Answered, run: Streamed, inbox: Inbox) -> None:
    """Messages both ways, until the stream's own deadline. What failed because of that is not written."""
    headers: Headers = []
    async with aclosing(run(requests(call, inbox))) as answers:
        async for answer in answers:
            headers = answer.headers or headers
            if call.deadline_s is not None and call.deadline_s - monotonic() < EARLY_S:
                call.fail(DEADLINE_EXCEEDED, NO_TIME)
                return
            if answer.status:
                call.fail(answer.status, answer.message, headers)
                return
            await call.write(answer.body)
    if inbox.closed:
        call.fail(UNAVAILABLE, SHUTTING_DOWN)
    elif inbox.broken:
        call.fail(inbox.broken.status, inbox.broken.message)
    else:
        call.finish(headers)


async def requests(call: Answered, inbox: Inbox) -> AsyncIterator[WireRequest]:
    """The messages as they are taken."""
    async for message in inbox:
        yield call.request(message)
