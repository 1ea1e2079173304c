"""Numbers for versions that have names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.repository.archives.versions import version_numbers
from dragoman.repository.versions import HIGHEST_VERSION


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["1.0"], [1]),
        (["2.0"], [2]),
        (["1.0", "2.0"], [1, 2]),
        (["1.0", "1.5", "2.0"], [1, 2, 3]),
        (["1.9", "1.10", "3"], [1, 2, 3]),
        (["0.1", "0.2"], [1, 2]),
        (["v3", "v12"], [3, 12]),
        (["20240131", "20240201"], [20240131, 20240201]),
        (["1.0", "stable"], [1, 2]),
        (["latest"], [1]),
        (["", "٣"], [1, 2]),
        (["9" * 30], [10**18 - 1]),
    ],
)
def test_a_version_gets_the_first_number_in_its_name_or_the_next(
    names: list[str], numbers: list[int]
) -> None:
    assert version_numbers(names) == dict(zip(names, numbers, strict=True))


@given(st.sets(st.text()), st.text())
def test_a_later_version_changes_no_number(names: set[str], later: str) -> None:
    after = version_numbers({*names, later})
    assert len(set(after.values())) == len(after)
    assert all(1 <= number <= HIGHEST_VERSION for number in after.values())
    earlier = {name for name in names if after[name] < after[later]}
    assert version_numbers(earlier) == {name: after[name] for name in earlier}
