"""Time, as whoever looks after a handler's workers sees it."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Protocol

from msgspec import Struct


class Timer(Protocol):
    """Something that will happen, unless it is called off."""

    def cancel(self) -> None:
        """Call it off."""


def on_loop(delay_s: float, action: Callable[[], None]) -> Timer:
    """Have the running event loop do something later."""
    return asyncio.get_running_loop().call_later(delay_s, action)


class Clock(Struct, frozen=True):
    """For the event loop's thread: what pauses, what it is, and what happens later."""

    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    now_s: Callable[[], float] = monotonic
    later: Callable[[float, Callable[[], None]], Timer] = on_loop
