"""How much of what costs the server and not the client a client may do."""

from typing import Final

RESETS: Final = 1000  # calls that are begun and taken back at once; nghttp2: 1000, then 33 a second
RESETS_PER_S: Final = 100
IDLE_FRAMES: Final = 10_000  # in a row that neither begin a call nor carry data


class Allowance:
    """A number of things at once, and some more every second."""

    __slots__ = ("_left", "_most", "_per_s", "_then")

    def __init__(self, most: int, per_s: float, now: float) -> None:
        self._most = self._left = float(most)
        self._per_s = per_s
        self._then = now

    def take(self, now: float) -> bool:
        """Whether one more is allowed."""
        self._left = min(self._most, self._left + (now - self._then) * self._per_s)
        self._then = now
        self._left -= 1
        return self._left >= 0
