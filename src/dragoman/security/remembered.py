"""Outcomes that were expensive to find, kept while they are used."""

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """A bounded map that forgets what was not used for a while, and what was not used for longest."""

    __slots__ = ("_entries", "_kept_s", "_most")

    def __init__(self, most: int, kept_s: float) -> None:
        self._most = most
        self._kept_s = kept_s
        self._entries: OrderedDict[bytes, tuple[float, T]] = OrderedDict()

    def get(self, key: bytes, now: float) -> T | None:
        """What was put there, unless it is forgotten."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        used_at, value = entry
        if now - used_at > self._kept_s:
            del self._entries[key]
            return None
        self._entries[key] = now, value
        self._entries.move_to_end(key)
        return value

    def put(self, key: bytes, value: T, now: float) -> None:
        """Remember it from now on."""
        self._entries.pop(key, None)
        if len(self._entries) >= self._most:
            self._entries.popitem(last=False)
        self._entries[key] = now, value

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
