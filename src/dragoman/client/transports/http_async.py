"""HTTP for asyncio: connections of one event loop, and those of them that wait for their next request."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from dragoman.client.errors import ClientError, ConnectionFailed, TimedOut
from dragoman.client.exchange import Answer, Buffer, Opened, Request
from dragoman.client.setup import Setup
from dragoman.client.tls import ssl_context
from dragoman.client.transports.http_failures import no_connection
from dragoman.client.transports.http_messages import STEP_BYTES, Incoming, RequestHeads

Deadline = Callable[[], float | None]
MAX_CONNECTIONS: Final = 64  # further calls wait for one; as many as a server gets of one client at once
MAX_UNREAD_BYTES: Final = 256 * 1024  # of a stream, after which the server is made to wait


class Connection(asyncio.BufferedProtocol):
    """A connection that carries one exchange at a time. What nobody asked for closes it."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._step = memoryview(bytearray(STEP_BYTES))
        self._incoming: Incoming | None = None
        self._failure: ClientError | None = None
        self._changed: asyncio.Future[None] | None = None
        self._paused = False

    @property
    def is_quiet(self) -> bool:
        """Whether it is open."""
        return self._transport is not None and not self._transport.is_closing()

    def begin(self, incoming: Incoming, message: list[Buffer]) -> None:
        """Send a request, whose answer goes into `incoming`."""
        self._incoming = incoming
        if self._transport is not None:
            for part in message:
                if len(part):
                    self._transport.write(part)

    def finish(self) -> None:
        """The exchange is over."""
        self._incoming = None
        self._resume()

    async def until(self, done: Callable[[Incoming], bool]) -> None:
        """Wait until that is so of the answer.

        Errors: ConnectionFailed, BadAnswer.
        """
        incoming = self._incoming
        while incoming is not None and not done(incoming):
            if self._failure is not None:
                raise self._failure
            self._resume()
            self._changed = asyncio.get_running_loop().create_future()
            await self._changed

    def close(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        self._transport = transport  # type: ignore[assignment]  # asyncio's own signature is wider than its promise

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        room = None if self._incoming is None else self._incoming.room
        return self._step if room is None else room

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes have come."""
        incoming = self._incoming
        if incoming is None:
            self.close()
            return
        try:
            if incoming.room is not None:
                incoming.filled(nbytes)
            else:
                incoming.feed(self._step[:nbytes])
        except ClientError as error:
            self._fail(error)
            return
        if len(incoming.body) > MAX_UNREAD_BYTES and incoming.in_parts and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        """The server has closed its side."""
        if self._incoming is not None:
            try:
                self._incoming.end()
            except ClientError as error:
                self._fail(error)
            self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._transport = None
        if isinstance(exc, OSError):
            self._fail(no_connection(exc, sent=True))
        else:
            self._fail(ConnectionFailed("the connection broke", sent=True))

    def _fail(self, error: ClientError) -> None:
        self._failure = self._failure or error
        self._wake()

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)

    def _resume(self) -> None:
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()


class AsyncHttp:
    """Sends requests to one server, from the tasks of one event loop."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._heads = RequestHeads(setup.address, setup.headers)
        self._tls = ssl_context(setup.address, setup.tls)
        self._idle: list[Connection] = []
        self._slots = asyncio.Semaphore(MAX_CONNECTIONS)

    async def send(self, request: Request, deadline: float | None) -> Answer:
        """The answer.

        Errors: ConnectionFailed, TimedOut, BadAnswer.
        """
        async with self.within(deadline), self._slots:
            connection, incoming = await self._begin(request, streamed=False)
            return await self._finish(connection, incoming)

    async def open(self, request: Request, deadline: float | None, silence_s: float | None) -> Opened:
        """The head of an answer, and its parts as they come.

        Errors: ConnectionFailed, TimedOut, BadAnswer.
        """
        async with self.within(deadline):
            await self._slots.acquire()
            try:
                connection, incoming = await self._begin(request, streamed=True)
                if incoming.in_parts:
                    head = Answer(b"", incoming.status, incoming.headers)
                    return Opened(
                        head, HttpParts(self, connection, incoming, lambda: self._setup.deadline(silence_s))
                    )
                answer = await self._finish(connection, incoming)
            except BaseException:
                self._slots.release()
                raise
        self._slots.release()
        return Opened(answer, None)

    async def close(self) -> None:
        """Close the connections that wait; those in use are closed when they are given back."""
        while self._idle:
            self._idle.pop().close()

    @asynccontextmanager
    async def within(self, deadline: float | None) -> AsyncIterator[None]:
        """A time limit.

        Errors: TimedOut.
        """
        left_s = None if deadline is None else max(0.0, deadline - self._setup.now())
        try:
            async with asyncio.timeout(left_s):
                yield
        except TimeoutError:
            raise TimedOut("no answer came in time") from None

    def give_back(self, connection: Connection, incoming: Incoming) -> None:
        """An exchange has ended: the connection waits for another, where it can."""
        connection.finish()
        if incoming.reusable and connection.is_quiet:
            self._idle.append(connection)
        else:
            connection.close()

    def release(self) -> None:
        """An exchange that was opened has ended: another may begin."""
        self._slots.release()

    async def _begin(self, request: Request, *, streamed: bool) -> tuple[Connection, Incoming]:
        """A connection on which the request has gone out and the answer's head has come."""
        message = self._heads.message(request)
        while True:
            kept = self._take()
            connection = kept or await self._connect()
            incoming = Incoming(self._setup.max_answer_bytes, streamed=streamed)
            try:
                connection.begin(incoming, message)
                await connection.until(has_head)
                return connection, incoming
            except BaseException as error:
                connection.close()
                # A server closes what it has kept open for long enough, just when we took it up again.
                stale = kept is not None and isinstance(error, ConnectionFailed) and not incoming.touched
                if not (stale and request.repeatable):
                    raise

    async def _finish(self, connection: Connection, incoming: Incoming) -> Answer:
        try:
            await connection.until(is_complete)
        except BaseException:
            connection.close()
            raise
        self.give_back(connection, incoming)
        return incoming.answer

    def _take(self) -> Connection | None:
        """A connection that waits, the one last used first; None where there is none."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_quiet:
                return connection
        return None

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        address = self._setup.address
        name = None if self._tls is None else address.host
        try:
            _, connection = await loop.create_connection(
                Connection, address.host, address.port, ssl=self._tls, server_hostname=name
            )
        except OSError as error:
            raise no_connection(error, sent=False) from error
        return connection


class HttpParts:
    """The parts of an answer, as they come."""

    def __init__(
        self, http: AsyncHttp, connection: Connection, incoming: Incoming, deadline: Deadline
    ) -> None:
        self._http = http
        self._connection: Connection | None = connection
        self._incoming = incoming
        self._deadline = deadline

    async def next(self) -> bytes | None:
        """The next part; None at the end.

        Errors: ConnectionFailed, TimedOut, BadAnswer.
        """
        connection, incoming = self._connection, self._incoming
        if connection is None:
            return None
        if not incoming.body:
            async with self._http.within(self._deadline()):
                await connection.until(has_part)
        if not incoming.body:
            self._connection = None
            self._http.give_back(connection, incoming)
            self._http.release()
            return None
        return incoming.take()

    def abandon(self) -> None:
        """Nobody reads on."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._http.release()


def has_head(incoming: Incoming) -> bool:
    """Whether the answer's head has come."""
    return incoming.head_complete


def has_part(incoming: Incoming) -> bool:
    """Whether more of the answer has come, or it has ended."""
    return incoming.complete or bool(incoming.body)


def is_complete(incoming: Incoming) -> bool:
    """Whether the whole answer has come."""
    return incoming.complete
