"""The life of one version."""

import itertools

import pytest

from dragoman.core.errors import Code
from dragoman.core.status import Cause, State
from dragoman.repository.harness import SETTLED, TRANSITIONS, IllegalMoveError, VersionHarness
from dragoman.repository.source import Candidate
from dragoman.settings.model import ModelSettings

CANDIDATE = Candidate("m", 3, "/models/m/3", "m/3", ModelSettings())


def harness(state: State = State.NEW) -> VersionHarness:
    made = VersionHarness(CANDIDATE, lambda _: None)
    made.state = state
    return made


@pytest.mark.parametrize(("old", "new"), list(itertools.product(State, State)))
def test_a_version_moves_only_where_the_table_allows(old: State, new: State) -> None:
    moved = harness(old)
    if new in TRANSITIONS[old]:
        moved.move(new)
        assert moved.state is new
    else:
        with pytest.raises(IllegalMoveError, match=f"m version 3 cannot go from {old.value} to {new.value}"):
            moved.move(new)
        assert moved.state is old


def test_every_state_has_its_row_and_every_life_can_end() -> None:
    assert TRANSITIONS.keys() == set(State)
    for state in State:
        reached, todo = set(), [state]
        while todo:
            here = todo.pop()
            reached.add(here)
            todo.extend(TRANSITIONS[here] - reached)
        assert State.GONE in reached


def test_whoever_watches_is_told_of_each_move() -> None:
    seen: list[State] = []
    watched = VersionHarness(CANDIDATE, lambda changed: seen.append(changed.state))
    watched.move(State.LOADING)
    watched.failed(Cause(Code.INTERNAL, "broken"))
    watched.gone()
    assert seen == [State.LOADING, State.FAILED, State.GONE]
    assert watched.state in SETTLED


def test_the_status_of_a_failed_version_tells_its_cause() -> None:
    failed = harness(State.LOADING)
    failed.failed(Cause(Code.INTERNAL, "broken"))
    status = failed.status
    assert (status.version, status.state, status.cause) == (3, State.FAILED, Cause(Code.INTERNAL, "broken"))
    assert status.signatures == {}
