"""A connection without a socket: a transport that keeps what is written, and a clock that stands still."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from typing import Any

from dragoman.settings.limits import Limits
from dragoman.transports.http.answer import AnswerHeads
from dragoman.transports.http.connection import Connection
from dragoman.transports.http.router import Router
from dragoman.transports.http.shared import Handler, Shared
from dragoman.transports.http.wheel import TimerWheel
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Operation, ProtocolSpec

TURNS = 100  # of the loop, in which everything that needs no socket must have happened
DATE = b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until it is so."""
    for _ in range(TURNS):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to be")


def echo(operation: Operation, wire: WireRequest) -> WireResponse:
    """The body, back; or what the request was, where it had none."""
    return WireResponse(200, wire.body or f"{wire.method} {wire.path}".encode(), b"text/plain")


class Parts:
    """An answer in parts, as the gateway gives them: no generator; `ending` = an error for a status."""

    def __init__(self, given: AsyncGenerator[bytes, None], ending: WireResponse | None = None) -> None:
        self.ending = ending
        self._given = given

    def __aiter__(self) -> "Parts":
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._given)

    async def aclose(self) -> None:
        await self._given.aclose()


class StillWheel(TimerWheel):
    """A wheel that turns only when the test says so."""

    def start(self) -> None:
        self.turn()

    def stop(self) -> None:
        pass


class MemoryTransport(asyncio.Transport):
    """What a socket would do, in memory. `takes` is how many bytes the client reads before it stops."""

    def __init__(self, *, tls: bool = False) -> None:
        super().__init__({"peername": ("192.0.2.7", 4711), "sslcontext": object() if tls else None})
        self.protocol: Connection
        self.tls = tls
        self.written = bytearray()
        self.buffered = 0
        self.takes: int | None = None
        self.reading = True
        self.eof_sent = self.closed = self.aborted = self.lost = False

    def write(self, data: Any) -> None:
        assert not self.eof_sent, "written after the end"
        if self.closed:
            return
        self.written += data
        if self.takes is not None:
            self.buffered += len(data)
            if self.buffered > self.takes:
                self.protocol.pause_writing()

    def writelines(self, parts: Any) -> None:
        self.write(b"".join(parts))

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def take(self, size: int) -> None:
        """The client reads so much."""
        stalled = self.buffered > (self.takes or 0)
        self.buffered -= size
        if stalled and self.buffered <= (self.takes or 0):
            self.protocol.resume_writing()

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def can_write_eof(self) -> bool:
        return not self.tls

    def write_eof(self) -> None:
        assert not self.tls
        self.eof_sent = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True
        if not self.buffered:
            self.lose()

    def abort(self) -> None:
        self.closed = self.aborted = True
        self.lose()

    def lose(self) -> None:
        """The connection is gone."""
        if not self.lost:
            self.closed = self.lost = True
            self.protocol.connection_lost(None)
            del self.protocol  # as the loops' transports do


class Client:
    """A client and the server's end of its connection."""

    def __init__(
        self,
        handler: Handler = echo,
        limits: Limits | None = None,
        *,
        specs: tuple[ProtocolSpec, ...] = (),
        tls: bool = False,
        shared: Shared | None = None,
    ) -> None:
        self.time = 0.0
        self.refused: list[tuple[str, int]] = []
        self.shared = shared or Shared(
            Router(specs, "superset"),
            handler,
            limits or Limits(),
            lambda wire, status: self.refused.append((wire.path, status)),
            StillWheel(lambda: self.time),
            AnswerHeads(lambda: 0.0),
        )
        self.transport = MemoryTransport(tls=tls)
        self.connection = self.transport.protocol = Connection(self.shared)
        self.connection.connection_made(self.transport)

    def send(self, data: bytes, *, piece: int = 1 << 16) -> "Client":
        """Send, in pieces of at most that size, as long as the server reads."""
        while data and self.transport.reading and not self.transport.closed:
            room = self.connection.get_buffer(-1)
            size = min(piece, len(room), len(data))
            room[:size] = data[:size]
            del room  # a transport lets go of it, too, before it asks again
            self.connection.buffer_updated(size)
            data = data[size:]
        return self

    def end(self) -> "Client":
        """Shut the writing side."""
        if not self.transport.closed and not self.connection.eof_received():
            self.transport.close()
        return self

    def wait(self, seconds: float) -> "Client":
        """Let time pass."""
        self.time += seconds
        self.shared.wheel.turn()
        return self

    @property
    def answers(self) -> bytes:
        """All that came back, without the dates."""
        return bytes(self.transport.written).replace(DATE, b"")

    @property
    def statuses(self) -> list[int]:
        """The status of each answer that came back."""
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", self.answers)]

    @property
    def open(self) -> bool:
        """Whether the server would take another request."""
        return not self.transport.closed and not self.transport.eof_sent
