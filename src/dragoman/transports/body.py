"""Bodies on their way in, where they did not come whole with the head.

Memory follows what has arrived, not what was announced. The first piece is large and not initialised, so that
most bodies need no second one, and one that never comes takes address space but no memory.

A few first pieces are used again once nothing refers to them. To have the system take their pages and give
others, cleared, costs a third as much as to receive a body.
"""

import weakref
from typing import Any, Final

import numpy as np

FIRST_BYTES: Final = 1024 * 1024
GROWTH: Final = 4
KEPT: Final = 8  # first pieces
SMALL_BYTES: Final = FIRST_BYTES // 8  # a body that does not need a whole one

Piece = np.ndarray[Any, np.dtype[np.uint8]]


class Pieces:
    """First pieces that are used again."""

    def __init__(self) -> None:
        self._free: list[Piece] = []
        self._lent: dict[int, weakref.ref[Piece]] = {}  # a reference that is gone calls nobody

    def take(self, size: int) -> memoryview:
        """So many bytes, of whatever value. They are free again when no view of them is left."""
        try:
            piece = self._free.pop()
        except IndexError:
            piece = np.empty(FIRST_BYTES, np.uint8)
        # Not a slice: arrays of its memory would refer to the piece itself, past what is watched here.
        view = np.frombuffer(piece.data, np.uint8, size)
        key = id(view)

        def give_back(_: object) -> None:
            del self._lent[key]
            if len(self._free) < KEPT:
                self._free.append(piece)

        self._lent[key] = weakref.ref(view, give_back)
        return view.data


class SizedBody:
    """A body of known size, received in place: the transport writes into it, nothing is copied later."""

    __slots__ = ("_room", "received", "size")

    def __init__(self, size: int, beginning: memoryview, pieces: Pieces) -> None:
        self.size = size
        self.received = len(beginning)
        self._room = (
            pieces.take(min(size + 1, FIRST_BYTES)) if size > SMALL_BYTES else uninitialised(size + 1)
        )
        self._room[: self.received] = beginning

    @property
    def done(self) -> bool:
        """Whether all of it is here."""
        return self.received >= self.size

    @property
    def data(self) -> memoryview:
        """What is here of it."""
        return self._room[: min(self.received, self.size)]

    @property
    def beyond(self) -> bytearray:
        """What came after it into the same room."""
        return bytearray(self._room[self.size : self.received])

    def space(self) -> memoryview:
        """Where the next bytes go; at most the rest of the body."""
        return self.roomy()[: self.size - self.received]

    def roomy(self) -> memoryview:
        """The same with a byte more behind the body's end, mostly.

        What does not fill a room was all there is; where it does, loops ask the system once more in vain.
        """
        if self.received == len(self._room):
            room = uninitialised(min(self.size, GROWTH * self.received))
            room[: self.received] = self._room
            self._room = room
        return self._room[self.received :]


def uninitialised(size: int) -> memoryview:
    """Bytes that nobody has set to zero, which no type of the standard library offers."""
    return np.empty(size, np.uint8).data
