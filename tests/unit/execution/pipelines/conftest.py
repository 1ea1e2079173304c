"""What every test of pipelines shares."""

import pytest

from dragoman.execution.pipelines import run


@pytest.fixture(autouse=True)
def no_time_passes(monkeypatch):
    """A slow machine ends no turn; tests of turns have a clock of their own."""
    monkeypatch.setattr(run, "perf_counter_ns", lambda: 0)
