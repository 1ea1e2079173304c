"""How long another server is waited for: by our own rules, and no longer than our caller waits."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from dragoman.engines.upstream.failures import late, overdue


@asynccontextmanager
async def limited(
    name: str, what: str, limit_s: float, deadline_s: float | None, now: Callable[[], float]
) -> AsyncIterator[None]:
    """A time limit, which is the earlier of the two; `what` the server did not do when it is ours.

    Errors: UpstreamError.
    """
    left_s = limit_s if deadline_s is None else max(0.0, deadline_s - now())
    try:
        async with asyncio.timeout(min(limit_s, left_s)):
            yield
    except TimeoutError:
        raise (late(name, what, limit_s) if limit_s <= left_s else overdue(name)) from None
