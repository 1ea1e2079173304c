"""The words of protobuf's text format: names, numbers, strings and marks, each with its line."""

import enum
import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from dragoman.core.errors import DragomanError, invalid

MOST_SHOWN: Final = 40  # characters of a word in a message


class Kind(enum.Enum):
    """What a token is."""

    NAME = "a name"
    NUMBER = "a number"
    STRING = "a string"
    MARK = "a mark"
    END = "the end of the file"


class Token(Struct, frozen=True):
    """One word. `text` of a string is what stands between its quotes, escapes undone."""

    kind: Kind
    text: str
    line: int

    @property
    def shown(self) -> str:
        """The token for a message."""
        return self.kind.value if self.kind is Kind.END else repr(self.text[:MOST_SHOWN])


# The order counts: a number that runs into a name (`12ab`) is an error, not two words.
PATTERN: Final = re.compile(
    r"""(?P<blank>[ \t\r\f\v]+|\#[^\n]*)
    |(?P<line>\n)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<number>(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?)(?![\w.]))
    |(?P<string>"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*')
    |(?P<mark>[{}<>\[\]:;,/.-])""",
    re.VERBOSE | re.ASCII,
)
ESCAPE: Final = re.compile(
    r"\\(?:(?P<octal>[0-7]{1,3})|[xX](?P<hex>[0-9a-fA-F]{1,2})|u(?P<short>[0-9a-fA-F]{4})"
    r"|U(?P<long>[0-9a-fA-F]{8})|(?P<plain>[abfnrtv\\?'\"])|(?P<wrong>.?))",
    re.DOTALL,
)
PLAIN_ESCAPES: Final = dict(zip("abfnrtv\\?'\"", "\a\b\f\n\r\t\v\\?'\"", strict=True))


def tokens(text: str, file: str) -> Iterator[Token]:
    """Every word of the text, and an END behind them.

    Errors: INVALID_ARGUMENT `file:line: what is wrong` at the first character that begins no word.
    """
    place, line = 0, 1
    while place < len(text):
        found = PATTERN.match(text, place)
        if found is None:
            raise no_word(text, place, file, line)
        kind, word = found.lastgroup, found.group()
        if kind == "line":
            line += 1
        elif kind == "string":
            yield Token(Kind.STRING, unescaped(word[1:-1], file, line), line)
        elif kind != "blank":
            yield Token(Kind[str(kind).upper()], word, line)
        place = found.end()
    yield Token(Kind.END, "", line)


def no_word(text: str, place: int, file: str, line: int) -> DragomanError:
    """The error for a character that begins no word."""
    character = text[place]
    if character in "\"'":
        return invalid(f"{file}:{line}: the string that begins here does not end in its line")
    if character.isdigit():
        word = re.split(r"[^\w.]", text[place : place + 40])[0]
        return invalid(f"{file}:{line}: {word!r} is no number")
    return invalid(f"{file}:{line}: {character!r} does not belong here")


def unescaped(text: str, file: str, line: int) -> str:
    """A string's content with its escapes undone. Bytes are read as UTF-8.

    Errors: INVALID_ARGUMENT for an escape that there is not, and for bytes that are no UTF-8.
    """
    if "\\" not in text:
        return text
    made = bytearray()
    place = 0
    for escape in ESCAPE.finditer(text):
        made += text[place : escape.start()].encode()
        value = escaped(escape)
        if value is None:
            raise invalid(f"{file}:{line}: there is no escape {escape.group()!r}")
        made += value
        place = escape.end()
    made += text[place:].encode()
    try:
        return made.decode()
    except UnicodeDecodeError as error:
        raise invalid(f"{file}:{line}: the string is not UTF-8") from error


def escaped(escape: re.Match[str]) -> bytes | None:
    """The bytes that an escape stands for; None = it stands for none."""
    kind, digits = escape.lastgroup, escape.group(escape.lastgroup or 0)
    if kind == "plain":
        return PLAIN_ESCAPES[digits].encode()
    if kind in ("octal", "hex"):
        number = int(digits, 8 if kind == "octal" else 16)
        return bytes([number]) if number < 256 else None
    if kind in ("short", "long"):
        number = int(digits, 16)
        return None if number > 0x10FFFF or 0xD800 <= number < 0xE000 else chr(number).encode()
    return None
