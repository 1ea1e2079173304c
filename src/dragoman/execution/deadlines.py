"""Waiting no longer than the caller does."""

import asyncio
from collections.abc import Awaitable
from time import monotonic
from typing import TypeVar

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError

T = TypeVar("T")


async def within(call: CallContext, work: Awaitable[T]) -> T:
    """The work's result, if it comes before the call's deadline. A call that is given up is marked cancelled.

    Errors: DEADLINE_EXCEEDED.
    """
    left_s = None if call.deadline_s is None else call.deadline_s - monotonic()
    try:
        async with asyncio.timeout(left_s):
            return await work
    except TimeoutError:
        call.cancelled = True
        raise overdue() from None
    except asyncio.CancelledError:
        call.cancelled = True
        raise


def overdue() -> DragomanError:
    """The error for a call whose deadline has passed."""
    return DragomanError(Code.DEADLINE_EXCEEDED, "the model gave no answer before the deadline")
