"""What all connections of one server share."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from dragoman.settings.limits import Limits
from dragoman.transports.body import Pieces
from dragoman.transports.departures import Departures
from dragoman.transports.http.answer import AnswerHeads
from dragoman.transports.http.head import HeadCache
from dragoman.transports.http.router import Router
from dragoman.transports.http.wheel import TimerWheel
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Operation

RECEIVE_BYTES: Final = 128 * 1024  # most images come whole in one piece
HEAD_BYTES: Final = 4 * 1024  # a head and little more, before a body that is received in place
Handler = Callable[[Operation, WireRequest], WireResponse | Awaitable[WireResponse]]
Refused = Callable[[WireRequest, int], None]


class Member(Protocol):
    """A connection, as the server sees it."""

    def drain(self) -> None:
        """Hang up if there is nothing to answer."""

    def abort(self) -> None:
        """Hang up at once."""


class Shared:
    """The handler, the limits, the clock, and one receive buffer.

    One buffer does for all: a loop asks a connection for room, fills it and reports it in one go. Whatever a
    connection cannot use at once it copies.
    """

    __slots__ = (
        "answers", "buffer", "connections", "departures", "draining", "emptied", "handler", "heads", "limits",
        "pieces", "refused", "router", "short", "view", "wheel",
    )  # fmt: skip

    def __init__(
        self,
        router: Router,
        handler: Handler,
        limits: Limits,
        refused: Refused | None,
        wheel: TimerWheel,
        answers: AnswerHeads,
    ) -> None:
        self.router = router
        self.handler = handler
        self.limits = limits
        self.refused = refused
        self.wheel = wheel
        self.answers = answers
        self.departures = Departures()
        self.heads = HeadCache()
        self.pieces = Pieces()
        self.buffer = bytearray(RECEIVE_BYTES)
        self.view = memoryview(self.buffer)
        self.short = self.view[:HEAD_BYTES]
        self.connections: set[Member] = set()
        self.draining = False
        self.emptied = asyncio.Event()
        self.emptied.set()
        wheel.each_turn(answers.forget)

    def add(self, connection: Member) -> None:
        """A client has connected."""
        self.connections.add(connection)
        self.emptied.clear()
        self.wheel.start()

    def remove(self, connection: Member) -> None:
        """A client has gone."""
        self.connections.discard(connection)
        if not self.connections:
            self.emptied.set()
            self.wheel.stop()
