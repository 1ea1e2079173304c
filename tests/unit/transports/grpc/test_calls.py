"""What of an RPC becomes a request, and what of an answer becomes a status."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any

import pytest

from dragoman.transports.grpc.http2.connection import shown
from dragoman.transports.grpc.inbox import Inbox
from dragoman.transports.grpc.status import DEADLINE_EXCEEDED, OK, details, escaped
from dragoman.transports.grpc.streams import converse
from dragoman.wire.messages import Headers, WireRequest, WireResponse


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (("127.0.0.1", 50000), "127.0.0.1:50000"),
        (("::1", 50000, 0, 0), "[::1]:50000"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_peer_is_shown_as_host_and_port(address: object, text: str) -> None:
    assert shown(address) == text


def test_long_messages_are_cut_off_and_say_so() -> None:
    assert details("x" * 1024) == "x" * 1024
    assert details("x" * 1025) == "x" * 1024 + "...TRUNCATED"


def test_what_cannot_be_encoded_is_replaced() -> None:
    assert details("a\ud800b") == "a?b"


def test_what_a_header_cannot_carry_is_escaped() -> None:
    assert escaped("100 % \u00e4\n~") == b"100 %25 %C3%A4%0A~"


class Stream:
    """An RPC that has so many seconds left, and what was written to it."""

    def __init__(self, left_s: float | None) -> None:
        self.deadline_s = None if left_s is None else monotonic() + left_s
        self.written: list[bytes | bytearray | memoryview] = []
        self.status: int | None = None

    def request(self, message: bytes | memoryview) -> WireRequest:
        raise AssertionError("there are no messages")

    async def write(self, body: bytes | bytearray | memoryview) -> None:
        self.written.append(body)

    def finish(self, headers: Headers) -> None:
        self.status = OK

    def fail(self, status: int, message: str, headers: Headers | None = None) -> None:
        self.status = status


async def answered(stream: Stream) -> None:
    """One answer on the stream."""

    async def answers(_: Any) -> AsyncIterator[WireResponse]:
        yield WireResponse(0, b"a failure, as a message")

    run: Any = answers
    await converse(stream, run, Inbox(lambda: None))


@pytest.mark.parametrize("left_s", [0.0, 0.001])
def test_a_stream_whose_deadline_has_passed_ends_with_that_and_not_with_a_message(left_s: float) -> None:
    stream = Stream(left_s)
    asyncio.run(answered(stream))
    assert (stream.status, stream.written) == (DEADLINE_EXCEEDED, [])


@pytest.mark.parametrize("left_s", [None, 60.0])
def test_a_stream_that_has_time_is_written_to(left_s: float | None) -> None:
    stream = Stream(left_s)
    asyncio.run(answered(stream))
    assert (stream.status, stream.written) == (OK, [b"a failure, as a message"])
