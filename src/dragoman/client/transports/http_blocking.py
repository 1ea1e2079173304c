"""HTTP for threads: sockets, and those of them that wait for their next request."""

import select
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from dragoman.client.errors import ConnectionFailed, TimedOut
from dragoman.client.exchange import Answer, Buffer, Opened, Request
from dragoman.client.setup import Setup
from dragoman.client.tls import ssl_context
from dragoman.client.transports.http_failures import no_connection
from dragoman.client.transports.http_messages import STEP_BYTES, Incoming, RequestHeads

Deadline = Callable[[], float | None]
MAX_IDLE: Final = 64  # connections that are kept open for later


class Connection:
    """A socket whose every wait ends at a deadline."""

    def __init__(self, sock: socket.socket, now: Callable[[], float]) -> None:
        self._socket = sock
        self._now = now

    def write(self, parts: list[Buffer], deadline: float | None) -> None:
        """Send everything.

        Errors: ConnectionFailed, TimedOut.
        """
        try:
            for part in parts:
                self._wait_until(deadline)
                self._socket.sendall(part)
        except TimeoutError:
            raise TimedOut("the server did not take the request in time") from None
        except OSError as error:
            raise no_connection(error, sent=True) from error

    def read(self, incoming: Incoming, deadline: float | None) -> None:
        """Wait for something to come, and take it.

        Errors: ConnectionFailed, TimedOut, BadAnswer.
        """
        room = incoming.room
        try:
            self._wait_until(deadline)
            if room is not None:
                if size := self._socket.recv_into(room):
                    incoming.filled(size)
                    return
            elif data := self._socket.recv(STEP_BYTES):
                incoming.feed(data)
                return
        except TimeoutError:
            raise TimedOut("no answer came in time") from None
        except OSError as error:
            raise no_connection(error, sent=True) from error
        incoming.end()

    def is_quiet(self) -> bool:
        """Whether the connection is open and nothing has come that nobody asked for."""
        try:
            poll = select.poll()
            poll.register(self._socket, select.POLLIN)
            return not poll.poll(0)
        except (OSError, ValueError):
            return False

    def close(self) -> None:
        """Close."""
        with suppress(OSError):
            self._socket.close()

    def _wait_until(self, deadline: float | None) -> None:
        if deadline is None:
            self._socket.settimeout(None)
            return
        left_s = deadline - self._now()
        if left_s <= 0:
            raise TimeoutError
        self._socket.settimeout(left_s)


class BlockingHttp:
    """Sends requests to one server; any number of threads may use it at once."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._heads = RequestHeads(setup.address, setup.headers)
        self._tls = ssl_context(setup.address, setup.tls)
        self._idle: deque[Connection] = deque()

    def send(self, request: Request, deadline: float | None) -> Answer:
        """The answer.

        Errors: ConnectionFailed, TimedOut, BadAnswer.
        """
        connection, incoming = self._begin(request, deadline, streamed=False)
        return self._finish(connection, incoming, deadline)

    def open(self, request: Request, deadline: float | None, silence_s: float | None) -> Opened:
        """The head of an answer, and its parts as they come.

        Errors: ConnectionFailed, TimedOut, BadAnswer.
        """
        connection, incoming = self._begin(request, deadline, streamed=True)
        if not incoming.in_parts:
            return Opened(self._finish(connection, incoming, deadline), None)
        head = Answer(b"", incoming.status, incoming.headers)
        return Opened(head, HttpParts(self, connection, incoming, lambda: self._setup.deadline(silence_s)))

    def close(self) -> None:
        """Close the connections that wait; those in use are closed when they are given back."""
        while self._idle:
            with suppress(IndexError):  # another thread was quicker
                self._idle.pop().close()

    def _begin(
        self, request: Request, deadline: float | None, *, streamed: bool
    ) -> tuple[Connection, Incoming]:
        """A connection on which the request has gone out and the answer's head has come."""
        message = self._heads.message(request)
        while True:
            kept = self._take()
            connection = kept or self._connect(deadline)
            incoming = Incoming(self._setup.max_answer_bytes, streamed=streamed)
            try:
                self._converse(connection, incoming, message, deadline)
                return connection, incoming
            except BaseException as error:
                connection.close()
                # A server closes what it has kept open for long enough, just when we took it up again.
                stale = kept is not None and isinstance(error, ConnectionFailed) and not incoming.touched
                if not (stale and request.repeatable):
                    raise

    def _converse(
        self, connection: Connection, incoming: Incoming, message: list[Buffer], deadline: float | None
    ) -> None:
        broken: ConnectionFailed | None = None
        try:
            connection.write(message, deadline)
        except ConnectionFailed as error:  # a server may refuse a request before it has all of it
            broken = error
        try:
            while not incoming.head_complete:
                connection.read(incoming, deadline)
        except ConnectionFailed as error:
            raise broken or error from error

    def _finish(self, connection: Connection, incoming: Incoming, deadline: float | None) -> Answer:
        try:
            while not incoming.complete:
                connection.read(incoming, deadline)
        except BaseException:
            connection.close()
            raise
        self.give_back(connection, incoming)
        return incoming.answer

    def _take(self) -> Connection | None:
        """A connection that waits, the one last used first; None where there is none."""
        with suppress(IndexError):
            while True:
                connection = self._idle.pop()
                if connection.is_quiet():
                    return connection
                connection.close()
        return None

    def give_back(self, connection: Connection, incoming: Incoming) -> None:
        """An exchange has ended: the connection waits for another, where it can."""
        if incoming.reusable and len(self._idle) < MAX_IDLE:
            self._idle.append(connection)
        else:
            connection.close()

    def _connect(self, deadline: float | None) -> Connection:
        address, now = self._setup.address, self._setup.now
        left_s = None if deadline is None else deadline - now()
        try:
            if left_s is not None and left_s <= 0:
                raise TimeoutError
            sock = socket.create_connection((address.host, address.port), left_s)
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._tls is not None:
                    sock = self._tls.wrap_socket(sock, server_hostname=address.host)
            except BaseException:
                sock.close()
                raise
        except TimeoutError:
            raise TimedOut("no connection came about in time") from None
        except OSError as error:
            raise no_connection(error, sent=False) from error
        return Connection(sock, now)


class HttpParts:
    """The parts of an answer, as they come."""

    def __init__(
        self, http: BlockingHttp, connection: Connection, incoming: Incoming, deadline: Deadline
    ) -> None:
        self._http = http
        self._connection: Connection | None = connection
        self._incoming = incoming
        self._deadline = deadline

    def next(self) -> bytes | None:
        """The next part; None at the end.

        Errors: ConnectionFailed, TimedOut, BadAnswer.
        """
        connection, incoming = self._connection, self._incoming
        if connection is None:
            return None
        deadline = self._deadline()
        while not incoming.body and not incoming.complete:
            connection.read(incoming, deadline)
        if not incoming.body:
            self._connection = None
            self._http.give_back(connection, incoming)
            return None
        return incoming.take()

    def abandon(self) -> None:
        """Nobody reads on."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
