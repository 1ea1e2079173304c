"""Tokens as they come, made into text that never shows half a character.

1. A token's text may hang on the tokens before it, so tokens are decoded together with those that gave the
   last text, and what is new is what the longer decoding has more. The offset slides: the cost of a token
   does not grow with the text.
2. While the decoded end is U+FFFD, a character is not whole yet: it is held back, for `MOST_HELD` tokens at
   most, since bytes that are no character come too.
3. Tokens are looked at one by one, however many come at once: how they were split never shows.
4. Where tokens are bytes and nothing else, those are decoded as they come, for a tenth of the time.
"""

import codecs
from collections.abc import Callable, Sequence
from typing import Final, Protocol

REPLACEMENT: Final = "\ufffd"
MOST_HELD: Final = 4  # tokens: as many as a character has bytes

Decode = Callable[[Sequence[int]], str]
BYTES: Final = codecs.getincrementaldecoder("utf-8")


class Detokenizing(Protocol):
    """The text of one sequence of tokens."""

    def feed(self, token: int) -> str:
        """What one more token adds."""

    def flush(self) -> str:
        """What is held back, as no more tokens come."""


class ByteDetokenizer:
    """The text of tokens that are bytes."""

    __slots__ = ("_decoder", "_table")

    def __init__(self, table: Sequence[bytes]) -> None:
        self._table = table
        self._decoder = BYTES("replace")

    def feed(self, token: int) -> str:
        """What one more token adds."""
        return self._decoder.decode(self._table[token])

    def flush(self) -> str:
        """What is held back, as no more tokens come."""
        return self._decoder.decode(b"", True)


class Detokenizer:
    """The text of one sequence of tokens."""

    __slots__ = ("_before", "_decode", "_ids", "_read")

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._ids: list[int] = []  # those of the last text, and those after it that gave none yet
        self._read = 0  # of these, the tokens whose text is out
        self._before = ""  # the text of those

    def feed(self, token: int) -> str:
        """What one more token adds."""
        ids = self._ids
        ids.append(token)
        text = self._decode(ids)
        if text.endswith(REPLACEMENT) and len(ids) - self._read <= MOST_HELD:
            return ""
        return self._give(text)

    def flush(self) -> str:
        """What is held back, as no more tokens come."""
        if len(self._ids) == self._read:
            return ""
        return self._give(self._decode(self._ids))

    def _give(self, text: str) -> str:
        new = text[len(self._before) :]
        self._ids = self._ids[self._read :]
        self._read = len(self._ids)
        self._before = self._decode(self._ids)
        return new
