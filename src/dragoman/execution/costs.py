"""What a model's calls have cost so far: the ground for deciding where the next one runs."""

from math import inf
from typing import Final

DECAY: Final = 0.9  # a call counts half after 7 more


class CostEstimate:
    """A decaying average of nanoseconds per input byte. Unknown (infinite) until the second call.

    The first call is left out: it pays for what the runtime does lazily, often a thousand times a usual call.
    """

    __slots__ = ("_bytes", "_cold", "_ns", "ns_per_byte")

    def __init__(self) -> None:
        self._cold = True
        self._ns = 0.0
        self._bytes = 0.0
        self.ns_per_byte = inf

    def add(self, elapsed_ns: int, size_bytes: int) -> None:
        """Learn from one call."""
        if self._cold:
            self._cold = False
            return
        self._ns = self._ns * DECAY + elapsed_ns
        self._bytes = self._bytes * DECAY + size_bytes
        self.ns_per_byte = self._ns / (self._bytes or 1.0)
