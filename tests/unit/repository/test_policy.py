"""Which version to load or unload next."""

import itertools
from collections.abc import Sequence

import pytest

from dragoman.core.status import State
from dragoman.repository.policy import (
    Action,
    Move,
    Policy,
    VersionSnapshot,
    availability_preserving,
    resource_preserving,
)


def snapshots(text: str) -> list[VersionSnapshot]:
    """`1:ready 1.1:new+ 2:ready-`: versions, generations, states; + = wanted, - = dismissed."""
    made = []
    for word in text.split():
        name, _, state = word.partition(":")
        number, _, generation = name.partition(".")
        made.append(
            VersionSnapshot(
                int(number),
                State(state.rstrip("+-")),
                state.endswith("+"),
                int(generation or 0),
                state.endswith("-"),
            )
        )
    return made


def told(policy: Policy, text: str) -> str | None:
    action = policy(snapshots(text))
    if action is None:
        return None
    generation = f".{action.generation}" if action.generation else ""
    return f"{action.move.value} {action.version}{generation}"


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("", None),
        ("1:new+", "load 1"),
        ("1:new+ 2:new+ 3:new+", "load 3"),
        ("1:loading+ 2:new+", "load 2"),
        ("1:ready+", None),
        ("1:failed+", None),
        ("1:ready 2:new+", "load 2"),
        ("1:ready 2:loading+", None),
        ("1:ready 2:ready+", "unload 1"),
        ("1:ready 2:failed+", None),
        ("1:ready", "unload 1"),
        ("1:ready 2:ready 3:new+", "unload 1"),
        ("1:quiescing 2:ready 3:new+", "load 3"),
        ("1:new", "unload 1"),
        ("1:failed 2:ready+", "unload 1"),
        ("1:loading", None),
        ("1:quiescing 2:quiesced 3:unloading 4:ready+", None),
        ("1:ready- 2:failed+", "unload 1"),
        ("1:ready- 2:loading+", "unload 1"),
        ("1:ready 1.1:new+", "load 1.1"),
        ("1:ready 1.1:loading+ 2:ready+", None),
        ("1:ready 1.1:failed+ 2:ready+", None),
        ("1:ready 1.1:failed 1.2:new+", "unload 1.1"),
        ("1:ready 1.1:ready+", "unload 1"),
        ("1:ready 1.1:failed 2:ready+", "unload 1"),
    ],
)
def test_availability_preserving_keeps_a_version_until_another_serves(text: str, action: str | None) -> None:
    assert told(availability_preserving, text) == action


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("1:new+", "load 1"),
        ("1:ready 2:new+", "unload 1"),
        ("1:ready 2:ready 3:new+", "unload 1"),
        ("1:quiescing 2:new+", None),
        ("1:unloading 2:new+", None),
        ("1:loading 2:new+", None),
        ("1:failed 2:new+", "unload 1"),
        ("1:ready+ 2:new+", "load 2"),
        ("1:ready+", None),
        ("1:ready 1.1:new+", "unload 1"),
        ("1:unloading 1.1:new+", None),
    ],
)
def test_resource_preserving_lets_go_before_it_loads(text: str, action: str | None) -> None:
    assert told(resource_preserving, text) == action


AFTER = {Move.LOAD: State.READY, Move.UNLOAD: State.GONE}
START = [State.NEW, State.READY, State.FAILED]


def played(policy: Policy, versions: Sequence[VersionSnapshot]) -> list[list[VersionSnapshot]]:
    """Every situation until the policy wants nothing more, each action carried out at once."""
    scenes = [list(versions)]
    while (action := policy(scenes[-1])) is not None:
        assert len(scenes) < 20
        scenes.append([after(version, action) for version in scenes[-1]])
        scenes[-1] = [version for version in scenes[-1] if version.state is not State.GONE]
    return scenes


def after(version: VersionSnapshot, action: Action) -> VersionSnapshot:
    if version.version != action.version:
        return version
    return VersionSnapshot(version.version, AFTER[action.move], version.aspired)


def situations() -> list[list[VersionSnapshot]]:
    """Every situation of three versions at rest."""
    choices = list(itertools.product(START, (True, False)))
    return [
        [VersionSnapshot(number, state, wanted) for number, (state, wanted) in enumerate(choice, 1)]
        for choice in itertools.product(choices, repeat=3)
    ]


@pytest.mark.parametrize("policy", [availability_preserving, resource_preserving])
def test_every_situation_ends_with_what_is_wanted_loaded(policy: Policy) -> None:
    for versions in situations():
        last = played(policy, versions)[-1]
        assert all(version.state is not State.NEW for version in last)
        if any(version.aspired and version.state is State.READY for version in last):
            assert all(version.aspired for version in last)


def test_availability_preserving_never_leaves_a_wanted_model_without_a_version_that_serves() -> None:
    for versions in situations():
        served = any(version.state is State.READY for version in versions)
        if served and any(version.aspired for version in versions):
            for scene in played(availability_preserving, versions):
                assert any(version.state is State.READY for version in scene)
