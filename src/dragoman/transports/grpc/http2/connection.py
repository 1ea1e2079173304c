"""One client's connection: moves bytes between the socket and the session, and minds the time."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar, cast

import structlog

from dragoman.settings.limits import Limits
from dragoman.transports.departures import Departures
from dragoman.transports.grpc.http2.errors import ConnectionFault, ErrorCode
from dragoman.transports.grpc.http2.frames import goaway
from dragoman.transports.grpc.http2.heads import HeadReader
from dragoman.transports.grpc.http2.outgoing import Outgoing
from dragoman.transports.grpc.http2.reader import FrameReader
from dragoman.transports.grpc.http2.session import FRAME_BYTES, Session
from dragoman.transports.grpc.http2.static_table import Field
from dragoman.transports.grpc.http2.stream import Stream
from dragoman.transports.grpc.http2.watch import Watch

LOG: Final = structlog.get_logger("dragoman.grpc")
RECEIVE_BYTES: Final = 64 * 1024  # at once: as many calls as these hold come before others
LINGER_S: Final = 1.0  # for a client to read why its connection ends
NOT_HTTP_2: Final = (
    b"HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    b"Content-Length: 32\r\n\r\nthis port speaks gRPC (HTTP/2)\r\n"
)

H = TypeVar("H")


class Service(Protocol[H]):
    """What answers streams."""

    def head(self, fields: list[Field] | None) -> H:
        """What a header block's fields say; None = they are too many."""

    def open(self, connection: "Connection[H]", number: int, head: H) -> Stream:
        """A stream that begins with it."""


class Shared(Generic[H]):
    """What all connections of a server have in common; one receive buffer does for all."""

    def __init__(self, service: Service[H], limits: Limits, clock: Callable[[], float]) -> None:
        self.service = service
        self.limits = limits
        self.view = memoryview(bytearray(RECEIVE_BYTES))
        self.watch = Watch(clock)
        self.departures = Departures()
        self.connections: set[Connection[H]] = set()
        self.draining = False
        self.emptied = asyncio.Event()
        self.emptied.set()


class Connection(asyncio.BufferedProtocol, Generic[H]):
    """The protocol object of one accepted socket."""

    def __init__(self, shared: Shared[H]) -> None:
        self._shared = shared
        self._direct = False  # the bytes that come next go where they belong
        self._in_block = False  # the rest of a header block is to come
        self._over = False  # what comes is not read any more
        self._since = shared.watch.clock()  # when what is waited for began
        self._moved = 0  # what was unsent when that was last looked at, and since when it was
        self._stuck = 0.0
        self._gently = False  # the end is not the client's fault
        self._resumed: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport
        self._reader: FrameReader
        self.session: Session[H]
        self.out: Outgoing
        self.peer = ""

    # The loop calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        shared, limits = self._shared, self._shared.limits
        self._transport = cast(asyncio.Transport, transport)
        self.peer = shown(transport.get_extra_info("peername"))
        self.out = Outgoing(self._transport)
        heads = HeadReader(shared.service.head, limits.header_bytes)
        self.session = Session(self, self.out, heads, self._open, shared.watch.clock)
        self._reader = FrameReader(self.session, FRAME_BYTES, limits.header_bytes)
        shared.connections.add(self)
        shared.emptied.clear()
        if shared.draining:
            self._end(ErrorCode.NO_ERROR, "the server is shutting down")
            return
        if len(shared.connections) > limits.connections:
            self._end(ErrorCode.ENHANCE_YOUR_CALM, "too many connections")
            return
        shared.watch.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, or was sent away."""
        del exc
        shared = self._shared
        self._over = True
        self.resume_writing()
        self.out.drop_all()
        self.session.lost()
        shared.watch.discard(self)
        shared.connections.discard(self)
        if not shared.connections:
            shared.emptied.set()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go: into the message that is under way, or the buffer shared by all."""
        del sizehint
        room = self._reader.space()
        self._direct = room is not None
        return self._shared.view if room is None else room

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes have arrived."""
        if self._over:
            return
        reader = self._reader
        self.out.gathering = True
        try:
            if self._direct:
                reader.filled(nbytes)
            else:
                reader.feed(self._shared.view, nbytes)
        except ConnectionFault as fault:
            self._fail(fault)
            return
        except Exception:
            LOG.exception("connection failed", peer=self.peer)
            self._fail(ConnectionFault(ErrorCode.INTERNAL_ERROR, "the server's log says why"))
            return
        if self.out.waiting:
            self._shared.departures.add(self.session)
        else:
            self.session.flush()
        if reader.in_block != self._in_block:
            self._in_block = reader.in_block
            self._since = self._shared.watch.clock()
            self.slow()

    def eof_received(self) -> bool:
        """The client has shut its writing side: it can neither call nor grant windows any more."""
        return False

    def pause_writing(self) -> None:
        """The client does not take what is written."""
        self.out.stalled = True
        self.slow()

    def resume_writing(self) -> None:
        """The client has taken most of it."""
        self.out.stalled = False
        resumed, self._resumed = self._resumed, None
        if resumed is not None and not resumed.done():
            resumed.set_result(None)
        if not self._over:
            self.out.resume()

    # The server and the session call these

    async def writable(self) -> None:
        """Returns when the socket takes more."""
        while self.out.stalled and not self._over:
            if self._resumed is None:
                self._resumed = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._resumed)

    def drain(self) -> None:
        """Take no more calls, and hang up when those that have begun are over."""
        if not self._over:
            self.session.drain()
            asyncio.get_running_loop().call_later(LINGER_S, self._drained)

    def shut(self) -> None:
        """End all calls, and hang up."""
        for stream in list(self.session.streams.values()):
            stream.shut()
        self._end(ErrorCode.NO_ERROR, "")

    def abort(self) -> None:
        """Hang up at once."""
        self._over = True
        self._transport.abort()

    def ended(self) -> None:
        """The last call is over."""
        self._end(ErrorCode.NO_ERROR, "")

    def slow(self) -> None:
        """Something waits: see later whether it still does."""
        self._shared.watch.add(self)

    def look(self, now: float) -> bool:
        """Give up what has waited too long: the preface, a header block, the socket, a stream's window."""
        limits = self._shared.limits
        if self._over:
            return self._look_at_leaving(now)
        if not self._reader.greeted or self._reader.in_block:
            if limits.header_timeout_s and now - self._since > limits.header_timeout_s:
                self._end(ErrorCode.SETTINGS_TIMEOUT, "headers that do not come")
            return True
        self._since = now
        return self._look_at_writing(now, limits.write_timeout_s)

    # Within

    def _look_at_writing(self, now: float, patience_s: float) -> bool:
        """End the calls whose client takes nothing of them; hang up where it takes nothing at all."""
        waiting = [stream for stream in self.session.streams.values() if stream.queued]
        for stream in waiting:
            if stream.queued != stream.seen:
                stream.seen, stream.since = stream.queued, now
            elif patience_s and now - stream.since > patience_s:
                self.session.give_up(stream, ErrorCode.CANCEL)
        unsent = self._transport.get_write_buffer_size()
        if not self.out.stalled:
            self._moved = 0
        elif self._moved == 0 or unsent < self._moved:
            self._moved, self._stuck = unsent, now
        elif patience_s and now - self._stuck > patience_s:
            self.abort()
        return bool(waiting) or self.out.stalled

    def _look_at_leaving(self, now: float) -> bool:
        """Hang up for good when the client has had the time to read why, or does not read it."""
        patience_s = self._shared.limits.write_timeout_s if self._gently else LINGER_S
        unsent = self._transport.get_write_buffer_size()
        if unsent and unsent != self._moved:
            self._moved, self._since = unsent, now
        elif not unsent and now - self._since >= LINGER_S:
            self._transport.close()
        elif unsent and patience_s and now - self._since > patience_s:
            self._transport.abort()
        return True

    def _open(self, session: Session[H], number: int, head: H) -> Stream:
        del session
        return self._shared.service.open(self, number, head)

    def _drained(self) -> None:
        if not self._over:
            self.session.drained()

    def _fail(self, fault: ConnectionFault) -> None:
        """End the connection of a client that does not keep to the rules."""
        if self._reader.greeted:
            self._end(fault.code, fault.why)
        else:
            self.out.flush()
            self.out.write(NOT_HTTP_2)
            self._hang_up()

    def _end(self, code: ErrorCode, why: str) -> None:
        """Say why this is all, and hang up."""
        if not self._over:
            self._gently = code is ErrorCode.NO_ERROR
            self.session.begin()
            self.session.flush()
            self.out.write(goaway(self.session.last, code, why))
            self._hang_up()

    def _hang_up(self) -> None:
        """Hang up so that the client can read what was written: a reset would take it away."""
        self._over = True
        self._moved, self._since = 0, self._shared.watch.clock()
        self._shared.watch.add(self)
        self.out.close()
        self.session.lost()
        if self._transport.can_write_eof():
            with contextlib.suppress(OSError):  # the client may have gone meanwhile
                self._transport.write_eof()
        else:
            self._transport.close()


def shown(address: object) -> str:
    """A client's address as `host:port` or `[host]:port`; empty for one that has none."""
    if not isinstance(address, tuple):
        return ""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
