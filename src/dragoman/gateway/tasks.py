"""Parts of a call that run as tasks or on threads."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from time import perf_counter_ns
from typing import Any, ParamSpec, TypeVar

from dragoman.gateway.exchange import Exchange
from dragoman.wire.messages import WireResponse

P = ParamSpec("P")
T = TypeVar("T")


def timed(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[T, int]:
    """What the function gives, and the nanoseconds that it took."""
    began_ns = perf_counter_ns()
    return function(*args, **kwargs), perf_counter_ns() - began_ns


def later(
    exchange: Exchange, rest: Coroutine[Any, Any, WireResponse], awaited: object
) -> Awaitable[WireResponse]:
    """The rest of a call as a task. Its pin is given back even when it is cancelled before it began.

    `awaited` is what the rest waits for; where that is a coroutine which was never begun, it is closed.
    """

    def end(_: object) -> None:
        exchange.abandon()
        if isinstance(awaited, Coroutine):
            awaited.close()

    task = asyncio.get_running_loop().create_task(rest)
    task.add_done_callback(end)
    return task
