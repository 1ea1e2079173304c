"""Windows both ways: what a client does not take waits, what it sends is taken at full speed."""

import asyncio
import socket
from typing import Final

import pytest

from dragoman.settings.limits import Limits
from dragoman.transports.grpc.http2.errors import ErrorCode
from dragoman.transports.grpc.http2.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    SETTINGS,
    SETTINGS_ACK,
    WINDOW_UPDATE,
    frame,
    reset,
    settings,
    window_update,
)
from dragoman.transports.grpc.http2.session import DRAIN_PING
from dragoman.transports.grpc.http2.stream import WINDOW
from dragoman.wire.messages import WireRequest, WireResponse
from tests.unit.transports.grpc.http2.wire import Wire, connected, data, head, message, wired
from tests.unit.transports.grpc.servers import Parts, serving

pytestmark = pytest.mark.usefixtures("crowd")
NO_WINDOW: Final = PREFACE + settings({4: 0})
LONG: Final = bytes(range(256)) * 400  # 102,400 bytes


def answered(body: bytes, wire: Wire) -> bool:
    return wire.messages[1] == message(body) and wire.blocks[1][-1][b"grpc-status"] == b"0"


def test_an_answer_waits_for_the_window_of_its_stream() -> None:
    async def main() -> None:
        async with wired(greeting=NO_WINDOW) as wire:
            wire.send(head(1), data(1, message(b"hello")))
            assert [found.kind for found in await wire.alive()][-1] == HEADERS
            wire.send(window_update(1, 4))
            assert (await wire.until(DATA)).payload == message(b"hello")[:4]
            wire.send(window_update(1, 100))
            await wire.status()
            assert answered(b"hello", wire)

    asyncio.run(main())


def test_settings_open_the_windows_of_all_streams() -> None:
    async def main() -> None:
        async with wired(greeting=NO_WINDOW) as wire:
            for stream in (1, 3):
                wire.send(head(stream), data(stream, message(b"hello")))
            await wire.alive()
            wire.send(settings({4: 1000}))
            for stream in (1, 3):
                await wire.status(stream)
            assert answered(b"hello", wire)

    asyncio.run(main())


def test_a_window_may_become_negative_and_is_waited_for() -> None:
    async def main() -> None:
        async with wired(lambda _: WireResponse(0, LONG), greeting=PREFACE + settings({4: 1000})) as wire:
            wire.send(head(1), data(1, message(b"")))
            assert len((await wire.until(DATA)).payload) == 1000
            wire.send(settings({4: 0}), window_update(1, 1000))
            assert [found.kind for found in await wire.alive()] == [SETTINGS]
            wire.send(window_update(1, 1))
            assert len((await wire.until(DATA)).payload) == 1

    asyncio.run(main())


def test_streams_share_the_window_of_the_connection_frame_by_frame() -> None:
    async def main() -> None:
        greeting = PREFACE + settings({4: 2**20})
        async with wired(lambda _: WireResponse(0, LONG), greeting=greeting) as wire:
            wire.send(head(1), data(1, message(b"")), head(3), data(3, message(b"")))
            await wire.alive()
            assert sum(map(len, wire.messages.values())) == 65_535
            wire.send(window_update(0, 2**20))
            await wire.status(3)
            assert wire.messages[1] == wire.messages[3] == message(LONG)

    asyncio.run(main())


@pytest.mark.parametrize("most", [16_384, 30_000, 2**20])
def test_no_frame_is_larger_than_the_client_takes(most: int) -> None:
    async def main() -> None:
        greeting = PREFACE + settings({4: 2**20, 5: most}) + window_update(0, 2**20)
        async with wired(lambda _: WireResponse(0, LONG), greeting=greeting) as wire:
            wire.send(head(1), data(1, message(b"")))
            await wire.status()
            assert max(wire.sizes) == min(most, len(LONG) + 5)
            assert answered(LONG, wire)

    asyncio.run(main())


def test_a_large_message_is_let_in_without_a_stop() -> None:
    """The window grows to the message as soon as its size is known."""
    body = bytes(5 * WINDOW)

    async def main() -> None:
        async with wired(lambda wire: WireResponse(0, b"%d" % len(wire.body))) as wire:
            wire.send(head(1), data(1, message(body)[:10], 0))
            update = await wire.until(WINDOW_UPDATE, 1)
            assert int.from_bytes(update.payload, "big") >= 4 * WINDOW
            whole = message(body)
            for at in range(10, len(whole), 2**19):
                wire.send(data(1, whole[at : at + 2**19], 0))
            wire.send(data(1, b""))
            await wire.status()
            assert wire.messages[1] == message(b"%d" % len(body))

    asyncio.run(main())


def test_messages_of_a_stream_that_are_not_taken_fill_its_window_and_no_more() -> None:
    async def main() -> None:
        release = asyncio.Event()

        async def answer(_: WireRequest) -> WireResponse:
            await release.wait()
            return WireResponse(0, b"ok")

        async with wired(answer) as wire:
            wire.send(head(1, path=b"/t.Test/Duplex"))
            piece = message(bytes(WINDOW // 8 - 5))
            wire.send(*[data(1, piece, 0)] * 8)
            assert WINDOW_UPDATE not in [found.kind for found in await wire.alive() if found.stream == 1]
            release.set()
            assert int.from_bytes((await wire.until(WINDOW_UPDATE, 1)).payload, "big") >= WINDOW // 2

    asyncio.run(main())


def test_parts_are_asked_for_as_the_client_takes_them() -> None:
    async def main() -> None:
        parts = Parts(*[b"0123456789"] * 5)
        async with wired(lambda _: WireResponse(0, stream=parts), greeting=NO_WINDOW) as wire:
            wire.send(head(1, path=b"/t.Test/Parts"), data(1, message(b"")))
            await wire.until(HEADERS, 1)
            await wire.alive()
            assert len(parts._parts) == 4
            wire.send(window_update(1, 15))
            await wire.until(DATA, 1)
            await wire.alive()
            assert len(parts._parts) == 3
            wire.send(reset(1, ErrorCode.CANCEL))
            await parts.closed.wait()

    asyncio.run(main())


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_stream_that_is_never_read_is_given_up() -> None:
    async def main() -> None:
        clock = Clock()
        limits = Limits(write_timeout_s=60)
        async with serving(limits=limits, clock=clock) as served, connected(served, NO_WINDOW) as wire:
            wire.send(head(1), data(1, message(b"hello")))
            await wire.until(HEADERS, 1)
            watch = served.server._shared.watch
            for clock.now in (1001.0, 1060.0):
                watch.turn()
                assert await wire.alive() == []
            clock.now = 1062.0
            watch.turn()
            assert await wire.reset() == ErrorCode.CANCEL
            wire.send(settings({4: 100}))
            assert await wire.call(3) == b"x"

    asyncio.run(main())


def test_a_deadline_frees_a_call_whose_answer_nobody_takes() -> None:
    async def main() -> None:
        async with wired(greeting=NO_WINDOW) as wire:
            wire.send(head(1, grpc_timeout=b"1m"), data(1, message(b"hello")))
            assert (await wire.status())[b"grpc-status"] == b"4"

    asyncio.run(main())


def test_a_deadline_frees_a_call_that_never_comes_whole() -> None:
    async def main() -> None:
        async with wired() as wire:
            wire.send(head(1, grpc_timeout=b"1m"))
            assert (await wire.status())[b"grpc-status"] == b"4"
            wire.send(head(3, grpc_timeout=b"1m"), data(3, message(b"hello")[:7], 0))
            assert (await wire.status(3))[b"grpc-status"] == b"4"

    asyncio.run(main())


@pytest.mark.parametrize("sent", [b"", PREFACE[:10], PREFACE + settings({}) + head(1, 0)])
def test_a_head_that_does_not_come_ends_its_connection(sent: bytes) -> None:
    async def main() -> None:
        clock = Clock()
        async with (
            serving(limits=Limits(header_timeout_s=20), clock=clock) as served,
            connected(served, sent) as wire,
            connected(served) as other,
        ):
            await other.alive()  # so the older connection has been taken up, too
            for clock.now in (1019.0, 1021.0):
                served.server._shared.watch.turn()
            assert (await wire.goaway())[0] == ErrorCode.SETTINGS_TIMEOUT
            assert await other.call(1) == b"x"

    asyncio.run(main())


def test_a_header_block_has_its_time_from_its_own_beginning() -> None:
    async def main() -> None:
        clock = Clock()
        async with serving(clock=clock) as served, connected(served) as wire:
            await wire.alive()
            clock.now = 5000.0
            wire.send(frame(PING, 0, 0, bytes(8)), head(1, 0))
            await wire.until(PING, 0, ACK)
            clock.now = 5019.0
            served.server._shared.watch.turn()
            wire.send(frame(CONTINUATION, END_HEADERS, 1), data(1, message(b"a")))
            assert (await wire.status())[b"grpc-status"] == b"0"

    asyncio.run(main())


def test_what_is_no_http_2_is_told_so_in_its_own_words() -> None:
    async def main() -> None:
        async with serving() as served:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            told = await reader.read()
            writer.close()
            assert told.startswith(b"HTTP/1.1 505 ")
            assert told.endswith(b"\r\n\r\nthis port speaks gRPC (HTTP/2)\r\n")

    asyncio.run(main())


def test_pings_and_settings_are_answered() -> None:
    async def main() -> None:
        async with wired() as wire:
            assert (await wire.until(SETTINGS, 0, ACK)).payload == b""
            wire.send(frame(PING, 0, 0, b"12345678"))
            assert (await wire.until(PING, 0, ACK)).payload == b"12345678"

    asyncio.run(main())


def test_a_client_that_has_gone_without_a_word_is_hung_up_on() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with serving() as served:
            with socket.create_connection(("127.0.0.1", served.port)) as client:
                client.setblocking(False)
                await loop.sock_sendall(client, PREFACE + settings({}))
                told = b""
                while not told.endswith(SETTINGS_ACK):
                    told += await loop.sock_recv(client, 100)
            (connection,) = served.server._shared.connections
            connection.shut()
            await served.server._shared.emptied.wait()

    asyncio.run(main())


def test_a_drain_asks_the_client_to_begin_nothing_and_answers_what_was_on_its_way() -> None:
    async def main() -> None:
        begun, release = asyncio.Event(), asyncio.Event()

        async def answer(wire: WireRequest) -> WireResponse:
            begun.set()
            await release.wait()
            return WireResponse(0, wire.body)

        async with serving(answer) as served, connected(served) as wire:
            wire.send(head(1), data(1, message(b"first")))
            await begun.wait()
            drain = asyncio.ensure_future(served.server.drain(60))
            asked = await wire.until(GOAWAY)
            assert asked.payload == (2**31 - 1).to_bytes(4, "big") + bytes(4)
            wire.send(head(3), data(3, message(b"second")))
            wire.send(frame(PING, ACK, 0, DRAIN_PING))
            assert (await wire.until(GOAWAY)).payload == (3).to_bytes(4, "big") + bytes(4)
            wire.send(head(5), data(5, message(b"too late")))
            release.set()
            await wire.status(3)
            assert (wire.messages[1], wire.messages[3]) == (message(b"first"), message(b"second"))
            while await wire.next() is not None:
                pass
            assert 5 not in wire.blocks
            await drain

    asyncio.run(main())
