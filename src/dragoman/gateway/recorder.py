"""What is kept of every finished request: a count, a duration, and a log line where one is wanted."""

import os
import uuid
from collections.abc import Callable, Sequence
from itertools import count

import structlog

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.gateway.exchange import Exchange
from dragoman.telemetry.logs import AccessLog
from dragoman.telemetry.metrics import OK, Metrics
from dragoman.wire.messages import WireRequest, WireResponse

REQUEST_ID = b"x-request-id"
MAX_REQUEST_ID = 128  # characters; a longer id of the client's own is not taken
MAX_LOGGED = 1024  # characters of an error's message, which may repeat what the client sent


# Whoever else is told of each finished request: its answer, its error, and its time in nanoseconds.
Told = Callable[[Exchange, WireResponse, DragomanError | None, int], None]


class Recorder:
    """Names requests and records how they ended."""

    def __init__(self, metrics: Metrics, access: AccessLog, told: Sequence[Told] = ()) -> None:
        self._metrics = metrics
        self._access = access
        self._told = told
        self._logger = structlog.get_logger("dragoman.gateway")
        # A counter behind a random prefix: unique across processes and restarts, and far cheaper than a uuid.
        self._prefix = os.urandom(5).hex()
        self._numbers = count(1)

    def request_id(self, wire: WireRequest) -> tuple[str, bool]:
        """The client's own id, where it sent a plain one, else a new one; and whether it sent any."""
        given = wire.header(REQUEST_ID)
        if given is not None and len(given) <= MAX_REQUEST_ID and given.isascii():
            text = given.decode("ascii")
            if text.isprintable():
                return text, True
        return f"{self._prefix}-{next(self._numbers):x}", given is not None

    @staticmethod
    def new_id() -> str:
        """An id like no other."""
        return str(uuid.uuid4())

    @staticmethod
    def tell(exchange: Exchange, response: WireResponse) -> None:
        """Give the request's id to a client that can use it."""
        if exchange.tells_id:
            response.headers.append((b"X-Request-Id", exchange.call.request_id.encode()))

    def as_dragoman(self, error: Exception, call: CallContext) -> DragomanError:
        """The error itself where it is meant for callers; anything else is logged, and its id told."""
        if isinstance(error, DragomanError):
            return error
        self._logger.error("unexpected", request_id=call.request_id, exc_info=error)
        return DragomanError(Code.INTERNAL, f"internal error; the server's log has it as {call.request_id}")

    def done(
        self, exchange: Exchange, response: WireResponse, error: DragomanError | None, ended_ns: int
    ) -> None:
        """Count a finished request, give its id to whom it failed or can use it, and log it where wanted."""
        elapsed = ended_ns - exchange.began_ns
        code = OK if error is None else error.code.name
        self._metrics.stats(exchange.operation.name, exchange.model).add(code, elapsed)
        for told in self._told:
            told(exchange, response, error, elapsed)
        if error is not None:
            exchange.tells_id = True
        self.tell(exchange, response)
        if self._access.wants(code, elapsed):
            self._log(exchange, response, code, elapsed, error)

    def _log(
        self,
        exchange: Exchange,
        response: WireResponse,
        code: str,
        elapsed_ns: int,
        error: DragomanError | None,
    ) -> None:
        self._access.write(
            operation=exchange.operation.name,
            model=exchange.model,
            method=exchange.wire.method,
            path=exchange.wire.path[:MAX_LOGGED],
            status=response.status,
            code=code,
            ms=round(elapsed_ns / 1e6, 3),
            request_id=exchange.call.request_id,
            peer=exchange.wire.peer,
            error=None if error is None else error.message[:MAX_LOGGED],
        )
