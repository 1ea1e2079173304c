"""Bodies on their way in, where they did not come whole with the head.

Memory follows what has arrived, not what was announced: a client that announces the largest body and sends
nothing holds `FIRST_BYTES`.
"""

from typing import Final

FIRST_BYTES: Final = 64 * 1024


class SizedBody:
    """A body of known size, received in place: the transport writes into it, nothing is copied later."""

    __slots__ = ("data", "received", "size")

    def __init__(self, size: int, beginning: memoryview) -> None:
        self.size = size
        self.received = len(beginning)
        self.data = bytearray(beginning)

    @property
    def done(self) -> bool:
        """Whether all of it is here."""
        return self.received == self.size

    def space(self) -> memoryview:
        """Where the next bytes go; at most the rest of the body. Good until the next call."""
        if self.received == len(self.data):
            room = min(self.size, max(FIRST_BYTES, 2 * self.received))
            self.data.extend(bytes(room - self.received))
        return memoryview(self.data)[self.received :]
