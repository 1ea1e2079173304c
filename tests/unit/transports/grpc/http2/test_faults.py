"""What a client must not send, and what that ends (RFC 9113, RFC 7541): never more, never less."""

import asyncio
from typing import Final

import pytest

from dragoman.settings.limits import Limits
from dragoman.transports.grpc.http2.allowance import IDLE_FRAMES, RESETS
from dragoman.transports.grpc.http2.errors import ErrorCode
from dragoman.transports.grpc.http2.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    WITH_PRIORITY,
    WORD,
    frame,
    reset,
    settings,
    window_update,
)
from dragoman.transports.grpc.http2.hpack import encoded
from dragoman.transports.grpc.http2.session import STREAMS
from dragoman.transports.grpc.http2.stream import WINDOW
from dragoman.wire.messages import WireRequest, WireResponse
from tests.unit.transports.grpc.http2.wire import HEAD, connected, data, head, message, wired
from tests.unit.transports.grpc.servers import serving

P, F, S, C, H, Z = (
    ErrorCode.PROTOCOL_ERROR,
    ErrorCode.FRAME_SIZE_ERROR,
    ErrorCode.STREAM_CLOSED,
    ErrorCode.COMPRESSION_ERROR,
    ErrorCode.ENHANCE_YOUR_CALM,
    ErrorCode.FLOW_CONTROL_ERROR,
)
pytestmark = pytest.mark.usefixtures("crowd")
BLOCK: Final = encoded(list(HEAD.items()))
UNKNOWN: Final = 0x42

# Each ends the connection with that code.
CONNECTION: Final = {
    "a frame beyond what we take": (frame(DATA, 0, 1, bytes(2**20 + 1))[:9], F),
    "DATA on stream 0": (frame(DATA, 0, 0, b"x"), P),
    "DATA before its HEADERS": (frame(DATA, 0, 1, b"x"), P),
    "DATA on the server's streams": (frame(DATA, 0, 2, b"x"), P),
    "padding without its length": (head(1) + frame(DATA, PADDED, 1), F),
    "padding longer than its DATA": (head(1) + frame(DATA, PADDED, 1, b"\x05abcd"), P),
    "HEADERS on stream 0": (head(0), P),
    "HEADERS on the server's streams": (head(2), P),
    "HEADERS on an older stream": (head(3) + head(1), S),
    "padding longer than its HEADERS": (frame(HEADERS, END_HEADERS | PADDED, 1, b"\xff" + BLOCK), P),
    "padding of no HEADERS": (frame(HEADERS, END_HEADERS | PADDED, 1), P),
    "a priority that is cut off": (frame(HEADERS, END_HEADERS | WITH_PRIORITY, 1, b"\0\0"), P),
    "a stream that depends on itself": (
        frame(HEADERS, END_HEADERS | WITH_PRIORITY, 1, WORD.pack(1) + b"\0" + BLOCK), P,
    ),
    "PRIORITY on stream 0": (frame(PRIORITY, 0, 0, bytes(5)), P),
    "a short PRIORITY": (frame(PRIORITY, 0, 1, bytes(4)), F),
    "RST_STREAM on stream 0": (frame(RST_STREAM, 0, 0, bytes(4)), P),
    "RST_STREAM before its HEADERS": (frame(RST_STREAM, 0, 1, bytes(4)), P),
    "a short RST_STREAM": (head(1) + frame(RST_STREAM, 0, 1, bytes(3)), F),
    "SETTINGS on a stream": (frame(SETTINGS, 0, 1), P),
    "SETTINGS cut off": (frame(SETTINGS, 0, 0, bytes(5)), F),
    "an acknowledgement with values": (frame(SETTINGS, ACK, 0, bytes(6)), F),
    "push that is neither on nor off": (settings({2: 2}), P),
    "a window beyond all windows": (settings({4: 2**31}), Z),
    "frames smaller than all frames": (settings({5: 16_383}), P),
    "frames larger than all frames": (settings({5: 2**24}), P),
    "PUSH_PROMISE": (frame(PUSH_PROMISE, 0, 1, bytes(4)), P),
    "PING on a stream": (frame(PING, 0, 1, bytes(8)), P),
    "a short PING": (frame(PING, 0, 0, bytes(7)), F),
    "GOAWAY on a stream": (frame(GOAWAY, 0, 1, bytes(8)), P),
    "a short GOAWAY": (frame(GOAWAY, 0, 0, bytes(7)), F),
    "a window that grows by nothing": (window_update(0, 0), P),
    "a window that grows beyond all windows": (window_update(0, 2**31 - 1), Z),
    "a short WINDOW_UPDATE": (frame(WINDOW_UPDATE, 0, 0, bytes(3)), F),
    "WINDOW_UPDATE before its HEADERS": (window_update(1, 1), P),
    "CONTINUATION of nothing": (frame(CONTINUATION, END_HEADERS, 1, BLOCK), P),
    "CONTINUATION of another stream": (head(1, 0) + frame(CONTINUATION, END_HEADERS, 3), P),
    "DATA inside a header block": (head(1, 0) + data(1, b"x"), P),
    "an unknown frame inside a header block": (head(1, 0) + frame(UNKNOWN, 0, 1), P),
    "CONTINUATION without end": (head(1, 0) + frame(CONTINUATION, 0, 1) * 65, H),
    "a header block without end": (head(1, 0) + frame(CONTINUATION, 0, 1, bytes(16_000)) * 5, H),
    "a header block that is announced too long": (frame(HEADERS, 0, 1, bytes(70_000))[:9], H),
    "header field 0": (frame(HEADERS, END_HEADERS, 1, b"\x80"), C),
    "a header field that is not there": (frame(HEADERS, END_HEADERS, 1, b"\xbe"), C),
    "a header string that is cut off": (frame(HEADERS, END_HEADERS, 1, b"\0\x05ab"), C),
    "a header number without end": (frame(HEADERS, END_HEADERS, 1, b"\xff" * 12), C),
    "a header table beyond what we keep": (frame(HEADERS, END_HEADERS, 1, b"\x3f\xe2\x1f"), C),
    "a header table that changes too late": (frame(HEADERS, END_HEADERS, 1, b"\x83\x20"), C),
    "padding of a Huffman code that is none": (frame(HEADERS, END_HEADERS, 1, b"\0\x81\x00\x01a"), C),
    "the end of strings inside one": (frame(HEADERS, END_HEADERS, 1, b"\0\x84\xff\xff\xff\xff\x01a"), C),
    "more frames without work than anyone has": (frame(PING, ACK, 0, bytes(8)) * (IDLE_FRAMES + 1), H),
    "more empty DATA than anyone has": (head(1) + data(1, b"", 0) * (IDLE_FRAMES + 1), H),
    "calls that are taken back at once": (
        b"".join(head(n) + reset(n, ErrorCode.CANCEL) for n in range(1, 2 * RESETS + 300, 2)), H,
    ),
    "calls that we are made to reset": (
        b"".join(head(n) + window_update(n, 0) for n in range(1, 2 * RESETS + 300, 2)), H,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "code"), CONNECTION.values(), ids=CONNECTION)
def test_what_cannot_be_read_on_ends_its_connection(sent: bytes, code: ErrorCode) -> None:
    async def main() -> None:
        async with serving() as served, connected(served) as other:
            async with connected(served) as wire:
                wire.send(sent)
                found, why = await wire.goaway()
                assert (ErrorCode(found), bool(why)) == (code, True)
            assert await other.call(1) == b"x"

    asyncio.run(main())


def test_the_first_frame_must_be_settings() -> None:
    async def main() -> None:
        for first in (head(1), frame(PING, 0, 0, bytes(8)), window_update(0, 1)):
            async with wired(greeting=PREFACE + first) as wire:
                assert (await wire.goaway())[0] == P

    asyncio.run(main())


# Each ends stream 1 with that code, and no other.
STREAM: Final = {
    "DATA after the end": (head(1) + data(1, message(b"slow")) + data(1, b"x"), S),
    "DATA after a stream that is over": (head(1) + data(1, message(b"a")) + data(1, b"x"), S),
    "HEADERS after the end": (head(1) + data(1, message(b"slow")) + head(1, 5), S),
    "HEADERS that do not end": (head(1) + head(1), P),
    "a window that grows by nothing": (head(1) + window_update(1, 0), P),
    "a window that grows beyond all windows": (head(1) + window_update(1, 2**31 - 1), Z),
    "PRIORITY of itself": (head(1) + frame(PRIORITY, 0, 1, WORD.pack(1) + b"\0"), P),
    "more than its window": (
        head(1) + data(1, message(b"slow"), 0) + data(1, bytes(WINDOW), 0), Z,
    ),
    "an upper-case name": (head(1, Upper=b"x"), P),
    "a name that is empty": (frame(HEADERS, END_HEADERS, 1, BLOCK + encoded([(b"", b"x")])), P),
    "a pseudo-header after the others": (
        frame(HEADERS, END_HEADERS, 1, BLOCK + encoded([(b":authority", b"a")])), P,
    ),
    "a pseudo-header twice": (frame(HEADERS, END_HEADERS, 1, encoded([(b":path", b"/")]) + BLOCK), P),
    "an unknown pseudo-header": (frame(HEADERS, END_HEADERS, 1, encoded([(b":status", b"200")]) + BLOCK), P),
    "an empty path": (head(1, path=b""), P),
    "no path": (frame(HEADERS, END_HEADERS, 1, encoded([(b":method", b"POST"), (b":scheme", b"http")])), P),
    "a header of the connection": (head(1, connection=b"close"), P),
    "te that is no trailers": (head(1, te=b"gzip"), P),
    "a value with a line break": (head(1, x=b"a\r\nb"), P),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "code"), STREAM.values(), ids=STREAM)
def test_what_is_wrong_with_a_stream_ends_that_alone(sent: bytes, code: ErrorCode) -> None:
    async def main() -> None:
        begun: asyncio.Future[WireResponse] = asyncio.get_running_loop().create_future()

        def answer(wire: WireRequest) -> WireResponse | asyncio.Future[WireResponse]:
            return begun if wire.body == b"slow" else WireResponse(0, wire.body)

        async with wired(answer) as wire:
            wire.send(sent)
            assert ErrorCode(await wire.reset()) == code
            assert await wire.call(3) == b"x"

    asyncio.run(main())


def test_streams_beyond_the_most_are_refused_and_may_come_again() -> None:
    async def main() -> None:
        async with wired() as wire:
            wire.send(*(head(number) for number in range(1, 2 * STREAMS + 2, 2)))
            refused = 2 * STREAMS + 1
            assert await wire.reset(refused) == ErrorCode.REFUSED_STREAM
            wire.send(data(1, message(b"a")))
            await wire.status(1)
            assert await wire.call(refused + 2) == b"x"

    asyncio.run(main())


def test_what_comes_late_for_a_call_that_was_refused_is_let_pass() -> None:
    async def main() -> None:
        async with wired() as wire:
            wire.send(head(1, path=b"/t.Test/Nope"))
            assert (await wire.status())[b"grpc-status"] == b"12"
            assert await wire.reset() == ErrorCode.NO_ERROR
            wire.send(
                data(1, b"late", 0), window_update(1, 5), reset(1, ErrorCode.CANCEL), data(1, b"", END_STREAM)
            )
            assert await wire.alive() == []
            assert await wire.call(3) == b"x"

    asyncio.run(main())


def test_a_header_bomb_is_refused_before_it_is_unpacked() -> None:
    """A table entry of 4 KB, named twenty thousand times in as many bytes."""
    bomb = BLOCK + b"\x40\x01a\x7f\xa1\x1e" + b"a" * 4000 + b"\xbe" * 20_000

    async def main() -> None:
        async with wired() as wire:
            wire.send(frame(HEADERS, END_HEADERS, 1, bomb), data(1, message(b"")))
            status = await wire.status()
            assert status[b"grpc-status"] == b"8"
            assert b"limits.header_bytes" in status[b"grpc-message"]
            wire.send(frame(HEADERS, END_HEADERS, 3, BLOCK), data(3, message(b"y")))
            assert (await wire.status(3))[b"grpc-status"] == b"0"

    asyncio.run(main())


def test_pings_whose_answers_nobody_reads_end_the_connection() -> None:
    async def main() -> None:
        async with serving(lambda _: WireResponse(0, bytes(64_000_000))) as served:
            greeting = PREFACE + settings({4: 2**31 - 1}) + window_update(0, 2**30)
            async with connected(served, greeting) as wire:
                wire.send(head(1), data(1, message(b"")))
                await wire.until(HEADERS, 1)
                wire.send(*[frame(PING, 0, 0, bytes(8))] * 2000)
                await served.server._shared.emptied.wait()

    asyncio.run(main())


def test_more_connections_than_the_limit_are_turned_away() -> None:
    async def main() -> None:
        async with serving(limits=Limits(connections=1)) as served, connected(served) as first:
            await first.alive()
            async with connected(served) as second:
                assert await second.goaway() == (ErrorCode.ENHANCE_YOUR_CALM, "too many connections")
            assert await first.call(1) == b"x"

    asyncio.run(main())
