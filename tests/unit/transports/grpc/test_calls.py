"""What of an RPC becomes a request, and what of an answer becomes a status."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from dragoman.transports.grpc.calls import OpenStreams, answer_stream, details, peer
from dragoman.wire.messages import WireResponse
from tests.unit.transports.grpc.servers import DUPLEX


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("ipv4:127.0.0.1:50000", "127.0.0.1:50000"),
        ("ipv6:%5B::1%5D:50000", "[::1]:50000"),
        ("ipv6:[::1]:50000", "[::1]:50000"),
        ("unix:/run/dragoman.sock", "unix:/run/dragoman.sock"),
    ],
)
def test_a_peer_is_shown_as_host_and_port(address: str, shown: str) -> None:
    assert peer(address) == shown


def test_long_messages_are_cut_off_and_say_so() -> None:
    assert details("x" * 1024) == "x" * 1024
    assert details("x" * 1025) == "x" * 1024 + "...TRUNCATED"


def test_what_cannot_be_encoded_is_replaced() -> None:
    assert details("a\ud800b") == "a?b"


class EndedError(Exception):
    """An RPC that was ended with a status."""


class Stream:
    """An RPC that has so many seconds left, and what was written to it."""

    def __init__(self, left_s: float | None) -> None:
        self.left_s = left_s
        self.written: list[bytes] = []

    def time_remaining(self) -> float | None:
        return self.left_s

    async def write(self, message: bytes) -> None:
        self.written.append(message)

    async def abort(self, code: grpc.StatusCode, _: str) -> None:
        raise EndedError(code)


async def answered(stream: Any) -> None:
    """One answer on the stream."""

    async def nothing() -> AsyncIterator[bytes]:
        return
        yield b""

    async def answers(*_: Any) -> AsyncIterator[WireResponse]:
        yield WireResponse(0, b"a failure, as a message")

    duplex: Any = answers
    await answer_stream(DUPLEX, "/t.Test/Duplex", duplex, OpenStreams(), nothing(), stream)


@pytest.mark.parametrize("left_s", [0.0, 0.001])
def test_a_stream_whose_deadline_has_passed_ends_with_that_and_not_with_a_message(left_s: float) -> None:
    stream = Stream(left_s)
    with pytest.raises(EndedError) as ended:
        asyncio.run(answered(stream))
    assert ended.value.args == (grpc.StatusCode.DEADLINE_EXCEEDED,)
    assert stream.written == []


@pytest.mark.parametrize("left_s", [None, 1.0])
def test_a_stream_that_has_time_is_written_to(left_s: float | None) -> None:
    stream = Stream(left_s)
    asyncio.run(answered(stream))
    assert stream.written == [b"a failure, as a message"]
