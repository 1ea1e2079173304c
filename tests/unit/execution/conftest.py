"""What every test of execution shares."""

from itertools import count

import pytest

from dragoman.execution import batching, runners
from dragoman.execution.text import embedding

READING_NS = 1000


class Stopwatch:
    """The performance counter of calls: it goes on by a microsecond when it is read, and as a test says."""

    def __init__(self) -> None:
        self.ahead_ns = 0
        self._readings = count(0, READING_NS)

    def __call__(self) -> int:
        return next(self._readings) + self.ahead_ns


@pytest.fixture(autouse=True)
def stopwatch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    """What a call costs decides where the next one runs, so none costs more on a busy machine."""
    made = Stopwatch()
    for module in (batching, embedding, runners):
        monkeypatch.setattr(module, "perf_counter_ns", made)
    return made
