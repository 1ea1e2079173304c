"""Whether a file in UBJSON is whole, which XGBoost does not ask before it reads past the end of one."""

import re
from typing import Final

JSON: Final = re.compile(rb'.\s*"', re.DOTALL)
DEPTH: Final = 64  # of values inside values; a model has nine, and XGBoost calls itself for each
NUMBERS: Final = {b"d": 4, b"D": 8, b"i": 1, b"U": 1, b"I": 2, b"l": 4, b"L": 8}  # of which arrays are made
SIZES: Final = {**NUMBERS, b"Z": 0, b"T": 0, b"F": 0, b"C": 1}


def is_ubjson(content: bytes) -> bool:
    """Whether XGBoost takes a file for UBJSON: what follows the first brace is no quotation mark."""
    return JSON.match(content) is None


def check_whole(content: bytes) -> None:
    """Follow the lengths in a file, as XGBoost does (`src/common/json.cc`), to the end of its one value.

    Errors: ValueError where the file ends before, or holds what XGBoost does not write.
    """
    _Walk(content).value(0)


class _Walk:
    """A place in a file that moves on from value to value."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def value(self, depth: int) -> None:
        """Pass one value."""
        if depth > DEPTH:
            raise ValueError(f"it has more than {DEPTH} values inside each other")
        marker = self._take(1)
        if marker == b"{":
            while self._next() != b"}":
                self._take(self._length())
                self.value(depth + 1)
            self._take(1)
        elif marker == b"[":
            self._array(depth)
        elif marker == b"S":
            self._take(self._length())
        else:
            self._take(self._size(SIZES, marker))

    def _array(self, depth: int) -> None:
        if self._next() == b"$":
            self._take(1)
            size = self._size(NUMBERS, self._take(1))
            self._expect(b"#")
            self._take(size * self._length())
        elif self._next() == b"#":
            self._take(1)
            for _ in range(self._length()):
                self.value(depth + 1)
        else:
            while self._next() != b"]":
                self.value(depth + 1)
            self._take(1)

    def _length(self) -> int:
        self._expect(b"L")
        return int.from_bytes(self._take(8), "big", signed=True)

    def _size(self, sizes: dict[bytes, int], marker: bytes) -> int:
        if marker not in sizes:
            raise ValueError(f"byte {self._at - 1}: {marker!r} begins no value")
        return sizes[marker]

    def _expect(self, marker: bytes) -> None:
        found = self._take(1)
        if found != marker:
            raise ValueError(f"byte {self._at - 1}: {found!r} where {marker!r} is expected")

    def _next(self) -> bytes:
        return self._content[self._at : self._at + 1]

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if not 0 <= size <= len(self._content) - self._at:
            raise ValueError(f"it ends at byte {len(self._content)} inside a value")
        taken = self._content[self._at : end]
        self._at = end
        return taken
