"""Texts of other servers are counted by what becomes of them."""

import asyncio

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Asked, Usage
from dragoman.core.requests import ChatRequest, GenerateRequest
from dragoman.core.statistics import TextCounts
from dragoman.execution.tally import Tally

THREE_EACH = GenerateRequest("", ["a", "b"], Asked(texts=3))


def test_texts_that_are_written_count_as_running_and_then_as_finished():
    tally = Tally()
    with tally.counted(THREE_EACH), tally.counted(ChatRequest("", [])):
        assert tally.counts(8, 2) == TextCounts(8, 7, 2, 0, 0, 0, 0, 0)
    tally.used(Usage(5, 4))
    assert tally.counts(8, 0) == TextCounts(8, 0, 0, 7, 0, 0, 5, 4)


@pytest.mark.parametrize(
    ("error", "cancelled", "failed"),
    [
        (DragomanError(Code.INTERNAL, "it failed"), 0, 6),
        (DragomanError(Code.DEADLINE_EXCEEDED, "too late"), 6, 0),
        (asyncio.CancelledError(), 6, 0),
        (GeneratorExit(), 6, 0),
    ],
)
def test_texts_that_come_to_nothing_count_by_whose_doing_that_was(error, cancelled, failed):
    tally = Tally()
    with pytest.raises(type(error)), tally.counted(THREE_EACH):
        raise error
    counts = tally.counts(8, 0)
    assert (counts.running, counts.cancelled, counts.failed) == (0, cancelled, failed)
