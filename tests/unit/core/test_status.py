"""Questions that views of the status ask."""

import pytest

from dragoman.core.status import ModelStatus, State, VersionStatus


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
