"""Texts that end a text, found by character wherever tokens begin and end.

1. The first to be whole ends the text; of several that are whole at the same character, the longest. So it
   makes no difference in which pieces the text came.
2. What could be the beginning of one is held back until the next characters tell.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Cut(NamedTuple):
    """What may be shown of a text, and whether it ends there."""

    text: str
    ended: bool


class StopMatcher:
    """Looks for stop texts in one text. `keeps` = the one that is found is shown."""

    __slots__ = ("_held", "_keeps", "_longest", "_stops")

    def __init__(self, stops: Sequence[str], *, keeps: bool = False) -> None:
        self._stops = stops
        self._longest = max(map(len, stops), default=1)
        self._keeps = keeps
        self._held = ""

    def feed(self, text: str) -> Cut:
        """What can be shown now."""
        if not self._stops:
            return Cut(text, False)
        seen = self._held + text
        ends = [(at + len(stop), at) for stop in self._stops if (at := seen.find(stop)) >= 0]
        if ends:
            end, at = min(ends)
            self._held = ""
            return Cut(seen[: end if self._keeps else at], True)
        kept = self._beginning(seen)
        self._held = seen[kept:]
        return Cut(seen[:kept], False)

    def flush(self) -> str:
        """What was held back, as nothing follows."""
        held, self._held = self._held, ""
        return held

    def _beginning(self, seen: str) -> int:
        """Where at the end the longest beginning of a stop text begins."""
        first = max(0, len(seen) - self._longest + 1)
        earliest = len(seen)
        for stop in self._stops:
            at = seen.find(stop[0], first, earliest)
            while at >= 0:
                if stop.startswith(seen[at:]):
                    earliest = at
                    break
                at = seen.find(stop[0], at + 1, earliest)
        return earliest
