"""Who of those that want a text has it written now: as many as the engine takes, the others in fair turns.

Each caller has a line of its own, and the lines take turns. So one that asks for a hundred texts at once does
not keep the next caller waiting for all of them.
"""

from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Generic, TypeVar

from dragoman.execution.admission import full_queue

T = TypeVar("T")


class FairLine(Generic[T]):
    """Places for so many, and lines before them. For the event loop's thread only."""

    def __init__(self, places: int, longest: int, model: str) -> None:
        self.free = places
        self._longest = longest
        self._model = model
        self._lines: OrderedDict[str, deque[T]] = OrderedDict()
        self.waiting = 0

    def check(self, count: int) -> None:
        """Nothing, if so many more may come.

        Errors: RESOURCE_EXHAUSTED with reason QUEUE_FULL.
        """
        if self.waiting and self.waiting + count - self.free > self._longest:
            raise full_queue(self._model, self._longest)

    def enter(self, caller: str, entrants: Sequence[T]) -> None:
        """Wait for places; `next` tells who has one."""
        self._lines.setdefault(caller, deque()).extend(entrants)
        self.waiting += len(entrants)

    def next(self) -> T | None:
        """The next that has a place now; None = there is none, or no place."""
        if not self.waiting or not self.free:
            return None
        caller, line = self._lines.popitem(last=False)
        entrant = line.popleft()
        if line:
            self._lines[caller] = line  # behind the other callers
        self.free -= 1
        self.waiting -= 1
        return entrant

    def leave(self, caller: str, entrant: T) -> bool:
        """Give up waiting; False = it was not waiting any more."""
        line = self._lines.get(caller)
        if line is None or entrant not in line:
            return False
        line.remove(entrant)
        self.waiting -= 1
        if not line:
            del self._lines[caller]
        return True

    def give(self) -> None:
        """A place is free again."""
        self.free += 1
