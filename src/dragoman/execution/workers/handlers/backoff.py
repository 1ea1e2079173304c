"""How long to wait before a handler's worker is started again: TorchServe's pauses."""

from typing import Final

# TorchServe 0.12, WorkerThread.java: a longer pause than the last of these is never made.
PAUSES_S: Final = (0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597)


class FibonacciBackoff:
    """Pauses that grow with each failure."""

    __slots__ = ("failures",)

    def __init__(self) -> None:
        self.failures = 0

    def next_s(self) -> float:
        """The next pause."""
        pause_s = PAUSES_S[min(self.failures, len(PAUSES_S) - 1)]
        self.failures += 1
        return pause_s

    def reset(self) -> None:
        """Begin with none again: the handler was loaded."""
        self.failures = 0
