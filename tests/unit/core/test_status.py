"""Questions that views of the status ask."""

import pytest

from dragoman.core.errors import Code, Reason
from dragoman.core.status import Cause, ModelStatus, State, StatusReport, VersionStatus


def model(*states: State) -> ModelStatus:
    return ModelStatus("m", tuple(VersionStatus(number, state) for number, state in enumerate(states, 1)))


def test_the_latest_ready_version_is_the_highest_that_serves() -> None:
    latest = model(State.READY, State.READY, State.LOADING).latest_ready
    assert latest is not None
    assert latest.version == 2
    assert model(State.FAILED).latest_ready is None


@pytest.mark.parametrize(
    ("states", "failed"),
    [
        ((State.FAILED, State.GONE), True),
        ((State.FAILED, State.LOADING), False),
        ((State.FAILED, State.READY), False),
    ],
)
def test_a_model_has_failed_when_nothing_serves_and_nothing_is_on_its_way(
    states: tuple[State, ...], failed: bool
) -> None:
    assert model(*states).failed is failed


@pytest.mark.parametrize(
    ("states", "strict", "ready"),
    [
        ((State.FAILED,), False, True),
        ((State.FAILED,), True, False),
        ((State.GONE,), True, True),
        ((State.READY,), True, True),
        ((State.READY, State.FAILED), True, True),
        ((State.LOADING,), False, False),
        ((State.LOADING,), True, False),
    ],
)
def test_a_model_that_cannot_serve_keeps_a_strict_server_from_being_ready(
    states: tuple[State, ...], strict: bool, ready: bool
) -> None:
    report = StatusReport({"good": model(State.READY), "m": model(*states)}, strict)
    assert report.ready is ready


NO_MODEL = Cause(Code.NOT_FOUND, "m/1 holds no model")
NO_PLACE = Cause(Code.NOT_FOUND, "m: no such folder", Reason.PLACE_UNREADABLE)
NO_VERSION = Cause(Code.NOT_FOUND, "m holds no version")
FAILED = VersionStatus(1, State.FAILED, cause=NO_MODEL)


@pytest.mark.parametrize(
    ("versions", "cause", "why_not"),
    [
        ((FAILED,), None, NO_MODEL),
        ((FAILED, VersionStatus(2, State.READY)), None, None),
        ((), NO_PLACE, NO_PLACE),
        ((VersionStatus(1, State.READY),), NO_PLACE, None),
        ((), NO_VERSION, None),  # one may come
        ((VersionStatus(1, State.LOADING),), None, None),
    ],
)
def test_a_model_that_cannot_serve_says_why(
    versions: tuple[VersionStatus, ...], cause: Cause | None, why_not: Cause | None
) -> None:
    assert ModelStatus("m", versions, cause=cause).why_not == why_not
