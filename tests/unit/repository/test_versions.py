"""Version folders and version policies."""

import pytest

from dragoman.core.status import State
from dragoman.repository.versions import by_version, latest_that_load, version_of, wanted_versions
from dragoman.settings.model import VersionPolicy


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("1", 1),
        ("0", 0),
        ("00000123", 123),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("0" * 64, 0),
        ("0" * 65, None),
        ("-1", None),
        ("+1", None),
        ("1.0", None),
        ("v1", None),
        ("1_0", None),
        (" 1", None),
        ("1\n", None),
        ("٣", None),
        ("", None),
        ("latest", None),
    ],
)
def test_a_name_is_a_version_if_it_is_a_decimal_int64(name: str, version: int | None) -> None:
    assert version_of(name) == version


def test_of_two_folders_of_one_version_the_shorter_name_is_taken_with_a_warning() -> None:
    chosen, notes = by_version(["007", "7", "07", "8", "latest"])
    assert chosen == {7: "7", 8: "8"}
    assert notes == [
        "folders 7 and 07 are both version 7; 07 is left out",
        "folders 7 and 007 are both version 7; 007 is left out",
    ]


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        (VersionPolicy(), {10}),
        (VersionPolicy(latest=2), {3, 10}),
        (VersionPolicy(latest=9), {1, 3, 10}),
        (VersionPolicy(all=True), {1, 3, 10}),
        (VersionPolicy(specific=(1, 3)), {1, 3}),
    ],
)
def test_a_policy_chooses_among_the_versions_found(policy: VersionPolicy, wanted: set[int]) -> None:
    assert wanted_versions(policy, [10, 1, 3]) == (wanted, [])


def test_a_specific_version_that_is_not_there_is_a_warning() -> None:
    wanted, notes = wanted_versions(VersionPolicy(specific=(1, 4)), [1])
    assert wanted == {1}
    assert notes == ["versions: there is no version 4"]


READY, FAILED, NEW, LOADING, GONE = State.READY, State.FAILED, State.NEW, State.LOADING, State.GONE


@pytest.mark.parametrize(
    ("latest", "states", "wanted"),
    [
        (1, {1: NEW, 2: NEW}, {2}),
        (1, {1: NEW, 2: LOADING}, {2}),
        (1, {1: NEW, 2: FAILED}, {1, 2}),
        (1, {1: FAILED, 2: FAILED}, {1, 2}),
        (1, {1: NEW, 2: NEW, 3: FAILED, 4: FAILED}, {2, 3, 4}),
        (1, {1: READY, 2: LOADING}, {1, 2}),  # it stays until the higher one serves
        (1, {1: READY, 2: FAILED}, {1, 2}),
        (1, {1: READY, 2: READY}, {2}),
        (1, {1: GONE, 2: FAILED}, {1, 2}),
        (2, {1: READY, 2: READY, 3: LOADING}, {1, 2, 3}),
        (2, {1: READY, 2: READY, 3: FAILED}, {1, 2, 3}),
        (2, {1: READY, 2: READY, 3: READY}, {2, 3}),
        (3, {1: NEW}, {1}),
    ],
)
def test_a_version_that_fails_gives_way_to_a_lower_one(
    latest: int, states: dict[int, State], wanted: set[int]
) -> None:
    assert latest_that_load(latest, states) == wanted
