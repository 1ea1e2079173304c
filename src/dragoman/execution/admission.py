"""Who may run now, who waits, who is turned away."""

import asyncio
from collections import deque

from dragoman.core.errors import Code, DragomanError, Reason


class Slots:
    """A bounded number of calls at once and a bounded queue before it; for the event loop's thread only."""

    __slots__ = ("_free", "_model", "_queue", "_queue_limit")

    def __init__(self, count: int, queue_limit: int, model: str) -> None:
        self._free = count
        self._queue_limit = queue_limit
        self._queue: deque[asyncio.Future[None]] = deque()
        self._model = model

    @property
    def free(self) -> int:
        """The slots that nobody has."""
        return self._free

    @property
    def waiting(self) -> int:
        """The calls that stand in line."""
        return sum(not turn.done() for turn in self._queue)

    def try_take(self) -> bool:
        """Take a slot if one is free."""
        if self._free > 0:
            self._free -= 1
            return True
        return False

    async def take(self) -> None:
        """Take a slot, waiting in line for it.

        Errors: RESOURCE_EXHAUSTED with reason QUEUE_FULL.
        """
        if self.try_take():
            return
        if len(self._queue) >= self._queue_limit:
            raise full_queue(self._model, self._queue_limit)
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.give()  # the slot was handed over in the same turn of the loop that cancelled the wait
            elif turn in self._queue:
                self._queue.remove(turn)
            raise

    def give(self) -> None:
        """Give a slot back: to the first in line, else to the free ones."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def refuse_waiting(self, error: DragomanError) -> None:
        """Turn away all who stand in line."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_exception(error)


def full_queue(model: str, limit: int) -> DragomanError:
    """The error for a request that there is no room for."""
    return DragomanError(
        Code.RESOURCE_EXHAUSTED,
        f"the queue of model {model} is full ({limit} requests wait)",
        reason=Reason.QUEUE_FULL,
        retry_after_s=1.0,
    )
