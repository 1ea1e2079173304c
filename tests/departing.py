"""A fixture for tests of connections: each when answers leave at once, and when they leave together."""

import pytest

from dragoman.transports import departures


@pytest.fixture(params=[departures.CROWD, 1], ids=["at once", "together"])
def crowd(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many answers of a turn leave together."""
    monkeypatch.setattr(departures, "CROWD", request.param)
