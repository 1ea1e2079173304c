"""One client's connection: reads requests, has them answered, writes the answers, minds the time.

Requests of one connection are answered one after the other. While one is being answered nothing further is
parsed; what a pipelining client sends meanwhile is kept, up to one receive buffer, and reading pauses. So
answers are in order, and what one client can make the server hold is bounded.

A client that shuts its writing side still gets its answers. One that goes away for good looks the same until
something is written to it: its handler is cancelled when the connection is known to be lost.
"""

import asyncio
from typing import cast

from dragoman.transports.http.answer import CLOSE, CONTINUE
from dragoman.transports.http.exchange import Exchange
from dragoman.transports.http.outgoing import Outgoing
from dragoman.transports.http.reader import RequestReader
from dragoman.transports.http.refusal import Refusal
from dragoman.transports.http.shared import Shared
from dragoman.transports.http.waiting import Phase, Waiting


class Connection(asyncio.BufferedProtocol):
    """The protocol object of one accepted socket."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._reader = RequestReader(shared.limits, shared.heads, shared.pieces)
        self._waiting = Waiting(shared.wheel, shared.limits, self._expired)
        self._transport: asyncio.Transport
        self._out: Outgoing
        self._exchange: Exchange
        self._peer = ""
        self._pending = b""  # what has arrived and was not read yet; reading pauses while there is any
        self._paused = False
        self._eof = False  # the client has shut its writing side

    # The loop calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        shared = self._shared
        self._transport = cast(asyncio.Transport, transport)
        self._out = Outgoing(self._transport, shared.answers, shared.departures)
        address = transport.get_extra_info("peername")
        self._peer = address[0] if isinstance(address, tuple) else ""
        self._exchange = Exchange(shared, self._out, self._peer, self._answered)
        shared.add(self)
        most = shared.limits.connections
        if len(shared.connections) > 2 * most:  # as many again are told why; more are not
            self.abort()
        elif len(shared.connections) > most:
            self._refuse(Refusal(503, "too many connections"))
        else:
            self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, or was sent away."""
        self._waiting.end()
        self._shared.remove(self)
        self._reader.drop()
        self._out.drop()
        self._pending = b""
        self._exchange.cancel()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go: into the body that is under way, or the buffer shared by all.

        Of the latter it is only the beginning where a long body is likely, whose bytes would be copied.
        """
        body = self._reader.sized
        if body is not None:
            return body.roomy()
        return self._shared.short if self._reader.long else self._shared.view

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes have arrived."""
        shared, reader = self._shared, self._reader
        if reader.sized is not None:
            beyond = reader.filled(nbytes)
            if reader.done:
                self._dispatch()
            if beyond:
                self._take(beyond, memoryview(beyond), len(beyond))
            else:
                self._settle()
        elif self._waiting.phase is Phase.LINGERING:
            self._waiting.still_sending()
        elif self._exchange.answering is not None or self._pending or self._out.stalled:
            self._hold(shared.view[:nbytes])
        else:
            self._take(shared.buffer, shared.view, nbytes)

    def eof_received(self) -> bool:
        """The client has shut its writing side; whether to leave ours open. TLS knows no such thing."""
        self._eof = True
        if self._transport.get_extra_info("sslcontext") is not None:
            return False
        if self._waiting.phase in (Phase.IDLE, Phase.LINGERING):
            self._close()
        elif self._exchange.is_deserted_at_eof:
            self.abort()
        else:
            self._settle()
        return True

    def pause_writing(self) -> None:
        """The client does not take what is written."""
        self._out.stall()
        if self._waiting.phase not in (Phase.LINGERING, Phase.CLOSING):
            self._waiting.for_reader(Phase.STALLED, self._out.unsent())

    def resume_writing(self) -> None:
        """The client has taken most of it."""
        self._out.resume()
        if self._waiting.phase is Phase.STALLED:
            self._go_on()

    # The server calls these

    def drain(self) -> None:
        """Hang up if there is nothing to answer; a request that has begun is still answered."""
        if self._waiting.phase is Phase.IDLE:
            self._close()

    def abort(self) -> None:
        """Hang up at once."""
        self._waiting.phase = Phase.CLOSING
        self._transport.abort()

    # Requests

    def _take(self, buffer: bytearray, view: memoryview, end: int) -> None:
        """Read and answer what is in the buffer, as far as one turn goes."""
        reader, position = self._reader, 0
        turns = self._shared.limits.pipelined_requests
        try:
            while position < end and turns and self._exchange.answering is None and not self._exchange.ending:
                position = reader.read(buffer, view, position, end)
                if reader.done:
                    turns -= 1
                    self._dispatch()
        except Refusal as refusal:
            self._refuse(refusal)
            return
        if position < end:
            self._hold(view[position:end])
        self._settle()

    def _hold(self, data: memoryview) -> None:
        """Keep what cannot be read yet."""
        self._pending += data
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _dispatch(self) -> None:
        """Have the request that was read answered."""
        reader = self._reader
        body, reader.body = reader.body, b""  # the handler alone holds it from now on
        self._waiting.phase = Phase.ANSWERING
        self._exchange.begin(reader.head, body)

    def _answered(self, whole: bool) -> None:
        """A request that took its time was answered. Where the answer broke off, the client must see that."""
        if whole:
            self._go_on()
        else:
            self.abort()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer what is no request, and end the connection so that the client can read the answer."""
        shared = self._shared
        wire = self._reader.unfinished(self._peer)
        response = shared.router.refuse(wire, refusal)
        self._out.add(response, CLOSE, bodiless=wire.method == "HEAD")
        if shared.refused is not None:
            shared.refused(wire, response.status)
        self._linger()

    # What comes next

    def _go_on(self) -> None:
        """Read on after an answer, or after the client has caught up."""
        if self._transport.is_closing():
            return
        if (
            self._pending
            and self._exchange.answering is None
            and not self._exchange.ending
            and not self._out.stalled
        ):
            buffer, self._pending = bytearray(self._pending), b""
            self._take(buffer, memoryview(buffer), len(buffer))
        else:
            self._settle()

    def _settle(self) -> None:
        """Have written what was answered, then wait for what comes next."""
        self._out.leave()
        if self._out.stalled:
            return
        if self._exchange.answering is not None:
            self._waiting.for_answer()
        elif self._exchange.ending:
            if self._pending:
                self._linger()
            else:
                self._close()
        elif self._pending:  # the turn is over; others first
            self._waiting.for_answer()
            asyncio.get_running_loop().call_soon(self._go_on)
        else:
            self._await_request()

    def _await_request(self) -> None:
        """Wait for a request, or for the rest of one."""
        reader = self._reader
        if self._paused:
            self._read_on()
        body = reader.sized or reader.chunks
        if body is None and not reader.partial:
            if self._eof:
                self._close()
            else:
                self._waiting.for_request()
        elif self._eof:
            self._refuse(Refusal(400, "the request ended early"))
        elif body is None:
            self._waiting.for_head()
        else:
            if reader.head.waits and body.received == 0 and self._waiting.phase is not Phase.BODY:
                self._out.flush()
                self._transport.write(CONTINUE)
            self._waiting.for_body(body.received)

    def _linger(self) -> None:
        """Say that this was all, and read on for a while: a reset would take the answer from the client."""
        self._out.flush()
        self._reader.drop()
        self._pending = b""
        self._exchange.ending = True
        if self._eof or self._transport.is_closing():
            self._close()
            return
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._waiting.for_hang_up()
        if self._paused:
            self._read_on()

    def _read_on(self) -> None:
        self._paused = False
        self._transport.resume_reading()

    def _close(self) -> None:
        """Hang up as soon as everything is written."""
        if self._waiting.phase is not Phase.CLOSING:
            self._out.flush()
            self._waiting.for_reader(Phase.CLOSING, self._out.unsent())
            self._transport.close()

    def _expired(self) -> None:
        """What was waited for has not come in time."""
        phase = self._waiting.phase
        if phase is Phase.IDLE:
            self._close()
        elif phase is Phase.HEAD:
            self._refuse(Refusal(408, "the head of the request did not come in time"))
        elif phase is Phase.BODY:
            self._refuse(Refusal(408, "the body of the request did not come in time"))
        elif phase is Phase.LINGERING or not self._waiting.reader_moved(self._out.unsent()):
            self.abort()
