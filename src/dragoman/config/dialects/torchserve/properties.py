r"""Java's `.properties`, and the environment variables in their values.

1. A line whose first character other than a blank is `#` or `!` is a comment; blank lines say nothing.
2. A line that ends in an odd number of backslashes goes on in the next one, whose first blanks are left out.
3. A key ends at the first `=`, `:` or blank that has no backslash before it.
4. `\t`, `\n`, `\r`, `\f` and `\uXXXX` are characters; any other backslash is left out. A later key wins.

TorchServe puts the environment variable NAME in the place of `$$NAME$$`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from dragoman.core.errors import DragomanError, invalid

BLANKS: Final = " \t\f"
ESCAPES: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
ESCAPED: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
KEY: Final = re.compile(r"(?:\\.|[^\\=: \t\f])*", re.DOTALL)
BETWEEN: Final = re.compile(r"[ \t\f]*[=:]?[ \t\f]*")
VARIABLE: Final = re.compile(r"\$\$([^$]+[^$])\$\$")


class Property(Struct, frozen=True):
    """A value, and the line where it begins."""

    value: str
    line: int


def read_properties(text: str, file: str, environment: Mapping[str, str]) -> dict[str, Property]:
    """Every key with its value, environment variables in their places.

    Errors: INVALID_ARGUMENT naming file and line for a variable that is not set, or `u` without digits.
    """
    found: dict[str, Property] = {}
    mistakes = []
    for number, line in logical_lines(text):
        key = KEY.match(line)
        end = key.end() if key else 0
        between = BETWEEN.match(line, end)
        value = line[between.end() if between else end :]
        try:
            found[unescaped(line[:end])] = Property(resolved(unescaped(value), environment), number)
        except DragomanError as error:
            mistakes.append(f"{file}:{number}: {error.message}")
    if mistakes:
        raise invalid("\n".join(mistakes))
    return found


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that say something, each with those that it goes on in, and its number."""
    whole, first = "", 0
    for number, raw in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        line = raw.lstrip(BLANKS)
        if not first and (not line or line[0] in "#!"):
            continue
        first = first or number
        whole += line
        if (len(line) - len(line.rstrip("\\"))) % 2:
            whole = whole[:-1]
            continue
        yield first, whole
        whole, first = "", 0
    if first and whole:
        yield first, whole


def unescaped(text: str) -> str:
    """A key or value without its backslashes.

    Errors: INVALID_ARGUMENT.
    """

    def character(match: re.Match[str]) -> str:
        what = match[1]
        if len(what) > 1:
            return chr(int(what[1:], 16))
        if what == "u":
            raise invalid("\\u wants four hexadecimal digits")
        return ESCAPES.get(what, what)

    return ESCAPED.sub(character, text)


def resolved(text: str, environment: Mapping[str, str]) -> str:
    """A value with environment variables in the places of their names.

    Errors: INVALID_ARGUMENT for one that is not set.
    """

    def variable(match: re.Match[str]) -> str:
        if match[1] not in environment:
            raise invalid(f"Invalid Environment Variable {match[1]}")
        return environment[match[1]]

    return VARIABLE.sub(variable, text)
