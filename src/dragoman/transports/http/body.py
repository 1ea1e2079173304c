"""Bodies on their way in, where they did not come whole with the head.

Memory follows what has arrived, not what was announced. The first piece is large and not initialised, so that
most bodies need no second one, and one that never comes takes address space but no memory.
"""

from typing import Final

import numpy as np

FIRST_BYTES: Final = 1024 * 1024
GROWTH: Final = 4


class SizedBody:
    """A body of known size, received in place: the transport writes into it, nothing is copied later."""

    __slots__ = ("_room", "received", "size")

    def __init__(self, size: int, beginning: memoryview) -> None:
        self.size = size
        self.received = len(beginning)
        self._room = uninitialised(min(size, FIRST_BYTES))
        self._room[: self.received] = beginning

    @property
    def done(self) -> bool:
        """Whether all of it is here."""
        return self.received == self.size

    @property
    def data(self) -> memoryview:
        """What is here."""
        return self._room[: self.received]

    def space(self) -> memoryview:
        """Where the next bytes go; at most the rest of the body."""
        if self.received == len(self._room):
            room = uninitialised(min(self.size, GROWTH * self.received))
            room[: self.received] = self._room
            self._room = room
        return self._room[self.received :]


def uninitialised(size: int) -> memoryview:
    """Bytes that nobody has set to zero, which no type of the standard library offers."""
    return np.empty(size, np.uint8).data
