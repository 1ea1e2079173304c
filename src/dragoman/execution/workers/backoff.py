"""How long to wait before a worker is started again."""

from collections.abc import Callable
from random import random
from typing import Final

FIRST_S: Final = 0.1
MOST_S: Final = 30.0


class Backoff:
    """Pauses that double, each shortened by up to a half so that workers do not start in step."""

    __slots__ = ("_random", "failures")

    def __init__(self, random: Callable[[], float] = random) -> None:
        self._random = random
        self.failures = 0

    def next_s(self) -> float:
        """The next pause."""
        pause: float = min(FIRST_S * 2 ** min(self.failures, 16), MOST_S)
        self.failures += 1
        return pause * (1.0 - self._random() / 2)

    def reset(self) -> None:
        """Begin with short pauses again."""
        self.failures = 0
