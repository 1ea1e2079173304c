"""What tests share: how long property tests look for a counterexample, and a fixture for connections."""

import pytest
from hypothesis import HealthCheck, settings

from dragoman.transports import departures

# No deadline: a slow machine must not fail a test. `quick` is the default. It and `thorough` repeat
# themselves exactly, so that a failure is of the change that is tested;
# `wandering` looks elsewhere each time.
QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("quick", derandomize=True, max_examples=60, **QUIET)
settings.register_profile("thorough", derandomize=True, max_examples=600, **QUIET)
settings.register_profile("wandering", max_examples=2000, **QUIET)
settings.load_profile("quick")


@pytest.fixture(params=[departures.CROWD, 1], ids=["at once", "together"])
def crowd(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of connections run twice: few answers leave at once, and all leave together."""
    monkeypatch.setattr(departures, "CROWD", request.param)
