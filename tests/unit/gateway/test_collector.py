"""The collector of garbage stands still while anyone asks for it, and no longer."""

import gc

import pytest

from dragoman.gateway.collector import CollectorPause


def test_it_stands_still_until_the_last_one_who_asked_is_through() -> None:
    pause = CollectorPause()
    first, second = pause, pause
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not gc.isenabled()
    second.__exit__(None, None, None)
    assert gc.isenabled()


def test_an_error_starts_it_again() -> None:
    with pytest.raises(ValueError, match="within"), CollectorPause():
        raise ValueError("within")
    assert gc.isenabled()


def test_who_has_no_collector_gets_none() -> None:
    gc.disable()
    try:
        with CollectorPause():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
