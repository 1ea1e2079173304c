"""What a model's calls have cost so far: the ground for deciding where the next one runs."""

from math import inf
from typing import Final

DOWN: Final = 0.5  # how far a cheaper call draws the estimate towards itself
UP: Final = 0.3  # and a dearer one
OUTLIER: Final = 10.0  # a call counts as at most so many times the estimate


class CostEstimate:
    """A moving average of nanoseconds per input byte. Unknown (infinite) until the second call.

    The first call is left out: it pays for what the runtime does lazily, often a thousand times a usual call.
    Falling is quicker than rising, and one outlier moves little: a call that had to wait for the
    interpreter's lock or a core says nothing about the model, and an estimate stuck too high would keep every
    call off the fast way. On a thread most calls wait so: a dearer one counts for nothing there, since its
    like are kept off the loop already.
    """

    __slots__ = ("_cold", "ns_per_byte")

    def __init__(self) -> None:
        self._cold = True
        self.ns_per_byte = inf

    def add(self, elapsed_ns: int, size_bytes: int, *, on_thread: bool = False) -> None:
        """Learn from one call. `on_thread` = it ran beside the event loop, and may have waited for it."""
        known = self.ns_per_byte
        cost = elapsed_ns / (size_bytes or 1)
        if cost < known < inf:
            self.ns_per_byte = known + (cost - known) * DOWN
        elif known < inf:
            if on_thread:
                return
            self.ns_per_byte = known + (min(cost, known * OUTLIER) - known) * UP
        elif self._cold:
            self._cold = False
        else:
            self.ns_per_byte = cost
