"""What calls cost, measured in turns."""

from itertools import count

from dragoman.convert.timing import BLOCK, LEAST_TURNS, MOST_S, turns


def test_both_are_called_in_turns_and_the_median_is_told():
    clock = iter(count(0.0, MOST_S))  # every look at the clock is later than the last by all there is
    called = []
    found = turns(4, lambda: called.append("a"), lambda: called.append("b"), lambda: next(clock))
    assert called == ["a", "b", *(["a"] * BLOCK + ["b"] * BLOCK) * LEAST_TURNS]
    assert (found.rows, found.source_us, found.onnx_us) == (4, MOST_S * 1e6, MOST_S * 1e6)
