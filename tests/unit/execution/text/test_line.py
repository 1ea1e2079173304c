"""Who waits, and whose turn it is."""

import pytest

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.execution.text.line import FairLine


def turns(line: FairLine[str]) -> list[str]:
    """Everyone in the order of their turns, each leaving before the next."""
    found = []
    while (entrant := line.next()) is not None:
        found.append(entrant)
        line.give()
    return found


def test_callers_take_turns_however_much_one_of_them_asks_for() -> None:
    line: FairLine[str] = FairLine(1, 100, "m")
    line.enter("a", ["a1", "a2", "a3"])
    line.enter("b", ["b1"])
    line.enter("c", ["c1", "c2"])
    assert turns(line) == ["a1", "b1", "c1", "a2", "c2", "a3"]


def test_no_more_than_the_places_have_their_turn_at_once() -> None:
    line: FairLine[str] = FairLine(2, 100, "m")
    line.enter("a", ["a1", "a2", "a3"])
    assert [line.next(), line.next(), line.next()] == ["a1", "a2", None]
    line.give()
    assert line.next() == "a3"


def test_who_leaves_has_no_turn() -> None:
    line: FairLine[str] = FairLine(1, 100, "m")
    line.enter("a", ["a1", "a2"])
    assert line.leave("a", "a1")
    assert not line.leave("a", "a1")
    assert not line.leave("b", "b1")
    assert turns(line) == ["a2"]
    assert line.waiting == 0


def test_a_full_line_takes_nobody() -> None:
    line: FairLine[str] = FairLine(1, 2, "m")
    line.check(1)
    line.enter("a", ["a1", "a2", "a3"])
    line.next()
    with pytest.raises(DragomanError) as caught:
        line.check(1)
    assert (caught.value.code, caught.value.reason) == (Code.RESOURCE_EXHAUSTED, Reason.QUEUE_FULL)
    assert caught.value.retry_after_s
