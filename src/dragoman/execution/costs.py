"""What a model's calls have cost so far: the ground for deciding where the next one runs."""

from math import inf

DECAY = 0.98  # a call counts half after 34 more


class CostEstimate:
    """A decaying average of nanoseconds per input byte. Unknown (infinite) until the first call."""

    __slots__ = ("_bytes", "_ns", "ns_per_byte")

    def __init__(self) -> None:
        self._ns = 0.0
        self._bytes = 0.0
        self.ns_per_byte = inf

    def add(self, elapsed_ns: int, size_bytes: int) -> None:
        """Learn from one call."""
        self._ns = self._ns * DECAY + elapsed_ns
        self._bytes = self._bytes * DECAY + size_bytes
        self.ns_per_byte = self._ns / (self._bytes or 1.0)
