"""Whether a version folder that is being watched has been copied completely.

1. There are files, and none of them bears the name of an unfinished copy.
2. If a marker file is configured, it is there.
3. The files the engine needs are there.
4. Nothing changed (names, sizes, times) since a look at least `settle_s` ago.

This is for polling. At the start and on a request to load, a version is loaded at once.
"""

from msgspec import Struct

from dragoman.engines.base import TreeSnapshot


class StabilityRules(Struct, frozen=True, kw_only=True):
    """When a folder counts as complete."""

    settle_s: float = 2.0
    unfinished: tuple[str, ...] = (".tmp", ".part", ".uploading")  # suffixes of files that are still written
    marker: str | None = None  # a file that is written last, such as "_SUCCESS"
    required: tuple[str, ...] = ()  # the claim's files


class Look(Struct, frozen=True):
    """What was seen, and when, in seconds of the monotonic clock."""

    tree: TreeSnapshot
    at_s: float


def settled(now: Look, previous: Look | None, rules: StabilityRules) -> bool:
    """Whether the folder may be loaded. `previous` is the earliest look since the folder last changed."""
    files = now.tree.files
    if not files or any(name.endswith(rules.unfinished) for name in files):
        return False
    if rules.marker is not None and rules.marker not in files:
        return False
    if any(name not in files for name in rules.required):
        return False
    if previous is None or previous.tree != now.tree:
        return False
    return now.at_s - previous.at_s >= rules.settle_s
