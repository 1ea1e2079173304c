"""Version folders: which names are versions, and which versions a policy wants."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from dragoman.core.status import State
from dragoman.settings.model import VersionPolicy

DIGITS: Final = re.compile(r"[0-9]+")
HIGHEST_VERSION: Final = 2**63 - 1  # TensorFlow Serving keeps versions in an int64


def version_of(name: str) -> int | None:
    """The version that a folder of this name holds: `00000123` is 123. None = it is no version folder."""
    if DIGITS.fullmatch(name) is None or len(name) > 64:
        return None
    number = int(name)
    return number if number <= HIGHEST_VERSION else None


def by_version(names: Iterable[str]) -> tuple[Mapping[int, str], list[str]]:
    """Folder names by version, and a warning for each version that has more than one folder.

    The shortest name wins: `7` over `007`.
    """
    chosen: dict[int, str] = {}
    notes = []
    for name in sorted(names, key=lambda name: (len(name), name)):
        number = version_of(name)
        if number is None:
            continue
        if number in chosen:
            notes.append(f"folders {chosen[number]} and {name} are both version {number}; {name} is left out")
        else:
            chosen[number] = name
    return chosen, notes


def wanted_versions(policy: VersionPolicy, found: Collection[int]) -> tuple[frozenset[int], list[str]]:
    """Which of the versions found are served, and a warning for each one that is asked for and not there."""
    if policy.all:
        return frozenset(found), []
    if policy.specific:
        missing = [f"versions: there is no version {v}" for v in policy.specific if v not in found]
        return frozenset(policy.specific) & frozenset(found), missing
    return frozenset(sorted(found)[-policy.latest :]), []


def latest_that_load(latest: int, states: Mapping[int, State]) -> set[int]:
    """The highest versions of which so many may serve, with those among them that failed.

    One that serves stays until so many higher ones do. `states` = those of all versions there are.
    """
    wanted = set()
    hopeful = serving = 0
    for version in sorted(states, reverse=True):
        state = states[version]
        if hopeful < latest or (state is State.READY and serving < latest):
            wanted.add(version)
        hopeful += state is not State.FAILED
        serving += state is State.READY
    return wanted
