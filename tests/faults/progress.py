"""Waiting for what others do on the same event loop, however long a busy machine takes over it."""

import asyncio
from collections.abc import Callable
from typing import Final

PATIENCE_S: Final = 60.0  # beyond the time that a test means to take: then something hangs


class Progress:
    """Tells those who wait that something has been done, and in the end that all is over."""

    def __init__(self) -> None:
        self.over = False
        self._step = asyncio.Event()

    def made(self) -> None:
        """Something has been done: whoever waits looks again."""
        self._step.set()
        self._step = asyncio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for the steps that make this so."""
        while not condition():
            await self._step.wait()
