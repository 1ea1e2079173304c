"""Models of other servers that could not be loaded while these did not answer, and are once they do.

A version that failed is not loaded anew just to see: for as long as that takes it would count as on its way,
and the whole server as not ready. So the other server is asked first, and only what would load is loaded.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from dragoman.core.status import State
from dragoman.repository.entry import ModelEntry
from dragoman.repository.harness import VersionHarness
from dragoman.repository.lifecycle import Lifecycle
from dragoman.repository.retries import FINAL
from dragoman.repository.table import ModelTable

EVERY_S: Final = 5.0


class Revival:
    """Looks at all models again and again."""

    def __init__(
        self, table: ModelTable, lifecycle: Lifecycle, sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._table = table
        self._lifecycle = lifecycle
        self._sleep = sleep

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._sleep(EVERY_S)
            try:
                await self.look()
            except Exception:  # a bug of ours, and the models must not stay failed for ever
                structlog.get_logger("dragoman.repository").exception("reviving models broke down")

    async def look(self) -> None:
        """Load what failed and would load now."""
        failed = [
            (entry, harness)
            for entry in self._table.entries.values()
            for harness in entry.newest.values()
            if may_revive(harness)
        ]
        await asyncio.gather(*(self._try(entry, harness) for entry, harness in failed))

    async def _try(self, entry: ModelEntry, harness: VersionHarness) -> None:
        if await self._lifecycle.can_load(harness.candidate) and may_revive(harness):
            self._table.act(entry, retry_failed=True)


def may_revive(harness: VersionHarness) -> bool:
    """Whether another server kept it from loading, which may pass."""
    if harness.candidate.external is None or harness.state is not State.FAILED or not harness.aspired:
        return False
    return harness.cause is None or harness.cause.code not in FINAL
