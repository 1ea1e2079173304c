"""How one exchange of a call is done: with a deadline, and again where `retries` says so."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from dragoman.client.errors import ClientError, InvalidInput
from dragoman.client.exchange import Exchange, Flow, Open, Opened, PartsReader, Pause, Send, Streamed
from dragoman.client.retries import Retries, may_repeat

T = TypeVar("T")


class Attempts:
    """Sends requests as often as may be. `now` is a monotonic clock, `random` gives numbers from 0 to 1."""

    def __init__(
        self,
        retries: Retries,
        timeout_s: float | None,
        *,
        now: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self._retries = retries
        self._timeout_s = checked_timeout(timeout_s)
        self._now = now
        self._random = random

    def limit_s(self, timeout_s: float | None) -> float | None:
        """The time that a call is given: its own, else the client's; None = as long as it takes.

        Errors: InvalidInput for what is no time.
        """
        return self._timeout_s if timeout_s is None else checked_timeout(timeout_s)

    def deadline(self, timeout_s: float | None) -> float | None:
        """The moment at which the time that a call is given is over."""
        limit_s = self.limit_s(timeout_s)
        return None if limit_s is None else self._now() + limit_s

    def send(self, exchange: Exchange[T], deadline: float | None) -> Flow[T]:
        """What is read from the answer."""
        step = Send(exchange.request, deadline)
        return (yield from self._try(step, exchange.read, repeatable=exchange.request.repeatable))

    def open(
        self, exchange: Exchange[PartsReader], timeout_s: float | None, about: AbstractContextManager[None]
    ) -> Flow[Streamed]:
        """An answer that comes in parts, begun. The time limit is one for each part."""
        step = Open(exchange.request, self.deadline(timeout_s), self.limit_s(timeout_s))

        def begun(opened: Opened) -> Streamed:
            try:
                return Streamed(opened.parts, exchange.read(opened.answer), about)
            except ClientError:
                if opened.parts is not None:
                    opened.parts.abandon()
                raise

        return (yield from self._try(step, begun, repeatable=exchange.request.repeatable))

    def _try(self, step: Send | Open, read: Callable[[Any], T], *, repeatable: bool) -> Flow[T]:
        attempt = 0
        while True:
            try:
                return read((yield step))
            except ClientError as error:
                attempt += 1
                if attempt > self._retries.count or not may_repeat(error, repeatable=repeatable):
                    raise
                pause_s = self._retries.pause_s(attempt, error, self._random())
                if step.deadline is not None and self._now() + pause_s >= step.deadline:
                    raise
            yield Pause(pause_s)


def checked_timeout(timeout_s: float | None) -> float | None:
    """A time limit in seconds; infinity is none.

    Errors: InvalidInput for what is no time.
    """
    if timeout_s is None or timeout_s == math.inf:
        return None
    if not timeout_s > 0:  # which is so for NaN, too
        raise InvalidInput(f"a timeout is more than 0 seconds, not {timeout_s}")
    return timeout_s
