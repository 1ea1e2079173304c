"""One other server: its connections, how long it is waited for, what is sent again, when it is left alone.

1. A call is sent again, after a pause, where that is safe: no connection came about, or the server said 503;
   an idempotent call also where the connection broke before a byte of an answer. Never once a stream has
   begun, and never beyond the caller's deadline.
2. A redirect is an error like any other: nobody but the settings says where requests go.
3. Connections are kept open for the next call; one that has waited for `keep_s` is not used again, since the
   other server may be closing it just now.
"""

import asyncio
import random
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Set
from typing import Final, TypeVar

import structlog
from msgspec import Struct

from dragoman.core.errors import DragomanError
from dragoman.engines.upstream.breaker import Breaker
from dragoman.engines.upstream.connection import Connection, connected
from dragoman.engines.upstream.failures import UpstreamError, refusal, unconnected, unreachable
from dragoman.engines.upstream.incoming import Answer, Incoming
from dragoman.engines.upstream.place import Place, Resolve, resolve_anything
from dragoman.engines.upstream.request import Request, Shown, UpstreamRules, bearer, message
from dragoman.engines.upstream.timing import limited

T = TypeVar("T")
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0
USUAL: Final = UpstreamRules()


class Timing(Struct, frozen=True):
    """A monotonic clock, a pause of so many seconds, and chance, as numbers from 0 to 1."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random


REAL: Final = Timing()


class Upstream:
    """Calls one server. `name` is what messages call it; `key` gives a key, which `shown` makes a header of.

    An empty key is none. For the tasks of one event loop; `resolve` is called on threads.
    """

    def __init__(
        self,
        name: str,
        place: Place,
        rules: UpstreamRules = USUAL,
        *,
        key: Callable[[], str] = str,
        shown: Shown = bearer,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve = resolve_anything,
        timing: Timing = REAL,
    ) -> None:
        self.name = name
        self.rules = rules
        self.breaker = Breaker(rules.failures, rules.open_s, timing.now)
        self.now = timing.now
        self._place = place
        self._key = key
        self._shown = shown
        self._tls = tls if tls is not None or not place.is_secure else ssl.create_default_context()
        self._resolve = resolve
        self._timing = timing
        self._idle: list[Connection] = []
        self._slots = asyncio.Semaphore(rules.connections)

    async def call(
        self,
        request: Request,
        read: Callable[[Answer], T],
        deadline_s: float | None = None,
        seen: Set[int] = frozenset(),
    ) -> T:
        """What is read from the whole answer, whose status is 2xx or `seen`.

        `deadline_s` is a moment of the clock; `read` raises UpstreamError for an answer that is none.
        Errors: DragomanError, which tells nothing of the other server that is not for strangers.
        """
        turn = self.breaker.enter(self.name)
        try:
            answer = await self._tried(lambda: self._whole(request, deadline_s, seen), request, deadline_s)
            found = read(answer)
        except UpstreamError as error:
            raise self.told(turn, error) from error
        except BaseException:
            self.breaker.abandoned(turn)
            raise
        self.breaker.succeeded(turn)
        return found

    async def open(self, request: Request, deadline_s: float | None = None) -> "Parts":
        """An answer in parts, whose head is there with a status of 2xx. Whoever has it closes it.

        Errors: as `call`.
        """
        turn = self.breaker.enter(self.name)
        try:
            parts = await self._tried(lambda: self._opened(request, deadline_s), request, deadline_s)
        except UpstreamError as error:
            raise self.told(turn, error) from error
        except BaseException:
            self.breaker.abandoned(turn)
            raise
        self.breaker.succeeded(turn)
        return parts

    def close(self) -> None:
        """Close the connections that wait; on the event loop's thread."""
        while self._idle:
            self._idle.pop().close()

    def told(self, turn: int, error: UpstreamError) -> DragomanError:
        """What our caller is told of a failure that the breaker and the log hear of first."""
        if error.is_broken:
            self.breaker.failed(turn, error.error.message)
            log = structlog.get_logger("dragoman.engines.upstream")
            log.warning("a call of another server failed", why=error.error.message, words=error.words)
        elif error.answered:
            self.breaker.succeeded(turn)
        else:
            self.breaker.abandoned(turn)
        return error.error

    async def _tried(
        self, attempt: Callable[[], Awaitable[T]], request: Request, deadline_s: float | None
    ) -> T:
        """What the attempt gives, made as often as may be."""
        tries = 0
        while True:
            try:
                return await attempt()
            except UpstreamError as error:
                tries += 1
                again = error.unsent or error.busy or (request.idempotent and error.unanswered)
                if not again or tries > self.rules.retries:
                    raise
                asked_s = error.error.retry_after_s if error.busy else None
                pause_s = FIRST_PAUSE_S * 2**tries * self._timing.chance() if asked_s is None else asked_s
                late_s = None if deadline_s is None else deadline_s - self.now()
                if pause_s > LONGEST_PAUSE_S or (late_s is not None and pause_s >= late_s):
                    raise
            await self._timing.sleep(pause_s)

    async def _whole(self, request: Request, deadline_s: float | None, seen: Set[int]) -> Answer:
        limit_s = self.rules.timeout_s
        async with limited(self.name, "gave no whole answer", limit_s, deadline_s, self.now), self._slots:
            connection, incoming = await self._begun(request, in_parts=False)
            return await self._rest(connection, incoming, seen)

    async def _opened(self, request: Request, deadline_s: float | None) -> "Parts":
        limit_s = self.rules.timeout_s
        async with limited(self.name, "began no answer", limit_s, deadline_s, self.now):
            await self._slots.acquire()
            try:
                connection, incoming = await self._begun(request, in_parts=True)
                if not 200 <= incoming.status < 300:
                    await self._rest(connection, incoming)
            except BaseException:
                self._slots.release()
                raise
        return Parts(self, connection, incoming, deadline_s)

    async def _begun(self, request: Request, *, in_parts: bool) -> tuple[Connection, Incoming]:
        """A connection on which the request has gone out and the answer's head has come."""
        sent = message(self._place, request, self._key(), self._shown)
        while True:
            kept = self._take()
            connection = kept or await self._connect()
            incoming = Incoming(self.rules.most_answer_bytes)
            try:
                connection.begin(incoming, sent, in_parts=in_parts)
                await connection.until(has_head)
                return connection, incoming
            except BaseException as error:
                connection.close()
                # A server closes what it has kept open for long enough, just when it is taken up again.
                stale = kept is not None and isinstance(error, UpstreamError) and error.unanswered
                if not (stale and request.idempotent):
                    raise

    async def _rest(self, connection: Connection, incoming: Incoming, seen: Set[int] = frozenset()) -> Answer:
        """The whole of an answer that has begun.

        Errors: UpstreamError for a status that is neither of success nor `seen`.
        """
        try:
            await connection.until(is_complete)
        except BaseException:
            connection.close()
            raise
        self.give_back(connection, incoming)
        answer = Answer(incoming.status, incoming.headers, bytes(incoming.body))
        if not 200 <= answer.status < 300 and answer.status not in seen:
            raise self.refusal(answer.status, answer.headers, answer.body)
        return answer

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """The failure that an answer of this status is, in words without our key."""
        return refusal(self.name, status, headers, body, self._key())

    def give_back(self, connection: Connection, incoming: Incoming, *, slot: bool = False) -> None:
        """An exchange has ended: the connection waits for another, where it can."""
        if slot:
            self._slots.release()
        connection.finish()
        if incoming.reusable and connection.is_open:
            connection.idle_since_s = self.now()
            self._idle.append(connection)
        else:
            connection.close()

    def _take(self) -> Connection | None:
        """A connection that waits, the one last used first; None where there is none."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and self.now() - connection.idle_since_s < self.rules.keep_s:
                return connection
            connection.close()
        return None

    async def _connect(self) -> Connection:
        """A new connection.

        Errors: UpstreamError.
        """
        limit_s = self.rules.connect_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await self._connected()
        except TimeoutError:
            raise unreachable(self.name, f"no connection within {limit_s:g} s") from None
        except OSError as error:
            raise unconnected(self.name, error) from error
        except DragomanError as error:  # the address is none that may be reached
            raise UpstreamError(error) from error

    async def _connected(self) -> Connection:
        place = self._place
        if place.socket:
            return await connected(self.name, place.socket, None, None)
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(None, self._resolve, place.host, place.port)
        server_name = place.host if place.is_secure else None
        failure: OSError = OSError("its name leads nowhere")
        for address in found:
            try:
                return await connected(self.name, address, self._tls, server_name)
            except OSError as error:
                failure = error
        raise failure


class Parts:
    """The parts of one answer, as they come."""

    def __init__(
        self, upstream: Upstream, connection: Connection, incoming: Incoming, deadline_s: float | None
    ) -> None:
        self.headers = incoming.headers
        self._upstream = upstream
        self._connection = connection
        self._incoming = incoming
        self._deadline_s = deadline_s
        self._turn = upstream.breaker.turn
        self._open = True

    async def next(self) -> bytes | None:
        """What has come, or comes next; None after the last.

        Errors: DragomanError.
        """
        incoming, upstream = self._incoming, self._upstream
        if not incoming.body and self._open:
            limit_s = upstream.rules.idle_timeout_s
            try:
                async with limited(
                    upstream.name, "sent nothing more", limit_s, self._deadline_s, upstream.now
                ):
                    await self._connection.until(has_part)
            except UpstreamError as error:
                raise self.failed(error) from error
            except BaseException:
                self.close()
                raise
        if incoming.body:
            return incoming.take()
        self.close()
        return None

    def refusal(self, status: int, body: bytes) -> UpstreamError:
        """The failure that one of the parts tells of, as if it had come with that status."""
        return self._upstream.refusal(status, {}, body)

    def failed(self, error: UpstreamError) -> DragomanError:
        """What our caller is told where it is the parts' content that is wrong."""
        self.close()
        return self._upstream.told(self._turn, error)

    def close(self) -> None:
        """Nobody reads on: where something is still to come, the connection is closed. Twice does no harm."""
        if self._open:
            self._open = False
            self._upstream.give_back(self._connection, self._incoming, slot=True)


def has_head(incoming: Incoming) -> bool:
    """Whether the answer's head has come."""
    return incoming.head_complete


def has_part(incoming: Incoming) -> bool:
    """Whether more of the answer has come, or it has ended."""
    return incoming.complete or bool(incoming.body)


def is_complete(incoming: Incoming) -> bool:
    """Whether the whole answer has come."""
    return incoming.complete
