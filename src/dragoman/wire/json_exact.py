"""A JSON parser with TensorFlow Serving's rules, for documents that the fast parser does not take.

1. Strict JSON in UTF-8, plus the bare tokens NaN, Infinity, -Infinity, Inf and -Inf.
2. Reading stops after the first complete value; what follows is not looked at, unless the caller wants it so.
3. Of equal keys the first counts.
4. Whole numbers within 64 bits stay exact, others become the nearest double; beyond double is an error.
5. No recursion: the containers that are open are a list, so depth costs memory only.

Errors carry the reference's words and the offset in bytes (rapidjson `error/en.h`, which clients see today).
"""

import re
from typing import Final

import orjson

from dragoman.core.errors import DragomanError, invalid

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]
JsonObject = dict[str, JsonValue]
Container = list[JsonValue] | JsonObject

SPACE: Final = re.compile(rb"[ \t\n\r]*+")
STRING: Final = re.compile(rb'"((?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+)"')
ESCAPE: Final = re.compile(rb'\\(?:(["\\/bfnrt]|u[0-9a-fA-F]{4})|(u)|.)', re.DOTALL)
NUMBER: Final = re.compile(rb"-?+(?:0|[1-9][0-9]*+)(\.[0-9]++)?+([eE][+-]?+[0-9]++)?+")
WORD: Final = re.compile(rb"true|false|null|NaN|-?Inf(?:inity)?+")
CONSTANT: Final = re.compile(rb"NaN|-?Inf(?:inity)?+")
# A list of nothing but numbers: looked at as a whole, since it is what large bodies consist of.
NUMBERS: Final = re.compile(rb"[0-9eE+\-.,NaInfity \t\n\r]++(?=\])")
NON_FINITE: Final[dict[bytes, float]] = {
    b"NaN": float("nan"),
    b"Inf": float("inf"),
    b"-Inf": float("-inf"),
    b"Infinity": float("inf"),
    b"-Infinity": float("-inf"),
}
WORDS: Final[dict[bytes, JsonValue]] = {b"true": True, b"false": False, b"null": None, **NON_FINITE}
INT64_DIGITS: Final = 20  # the longest whole number, with its sign, that 64 bits can hold
EMPTY: Final = "JSON Parse error: The document is empty"


def parse_exactly(text: bytes, max_depth: int, start: int = 0, *, whole: bool = False) -> JsonValue:
    """The first value in the text, from `start` on; the only one, if `whole`.

    Errors: INVALID_ARGUMENT with the reason and its offset.
    """
    reader = _Reader(text, start)
    reader.skip_space()
    if reader.at == len(text):
        raise invalid(EMPTY)
    holder: list[JsonValue] = []
    reader.open.append(holder)
    reader.value_into(holder, "")
    while len(reader.open) > 1:
        if len(reader.open) - 1 > max_depth:
            raise invalid(f"the JSON document is nested more than {max_depth} levels deep")
        innermost = reader.open[-1]
        if isinstance(innermost, list):
            reader.step_in_list(innermost)
        else:
            reader.step_in_object(innermost)
    if whole:
        reader.end()
    return holder[0]


class _Reader:
    """A position in a text, and the containers that are open there, outermost first."""

    __slots__ = ("at", "open", "text")

    def __init__(self, text: bytes, at: int) -> None:
        self.text = text
        self.at = at
        self.open: list[Container] = []

    def skip_space(self) -> None:
        found = SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def end(self) -> None:
        """Nothing follows."""
        self.skip_space()
        if self.at != len(self.text):
            raise self._error("The document root must not be followed by other values.")

    def step_in_list(self, innermost: list[JsonValue]) -> None:
        """Read the next element, or the end of the list."""
        self.skip_space()
        mark = self._byte()
        if mark == b"]":
            self.at += 1
            self.open.pop()
        elif not innermost:
            if not self._numbers_into(innermost):
                self.value_into(innermost, "")
        elif mark == b",":
            self.at += 1
            self.value_into(innermost, "")
        else:
            raise self._error("Missing a comma or ] after an array element.")

    def step_in_object(self, innermost: JsonObject) -> None:
        """Read the next member, or the end of the object."""
        self.skip_space()
        mark = self._byte()
        if mark == b"}":
            self.at += 1
            self.open.pop()
            return
        if innermost:
            if mark != b",":
                raise self._error("Missing a comma or } after an object member.")
            self.at += 1
            self.skip_space()
        if self._byte() != b'"':
            raise self._error("Missing a name for object member.")
        name = self._string()
        self.skip_space()
        if self._byte() != b":":
            raise self._error("Missing a colon after a name of object member.")
        self.at += 1
        self.value_into(innermost, name)

    def value_into(self, container: Container, name: str) -> None:
        """Read a value into the container; a list or an object becomes the innermost one, still empty."""
        self.skip_space()
        mark = self._byte()
        value: JsonValue
        if mark == b"[":
            value = []
            self.open.append(value)
            self.at += 1
        elif mark == b"{":
            value = {}
            self.open.append(value)
            self.at += 1
        elif mark == b'"':
            value = self._string()
        else:
            value = self._word_or_number()
        if isinstance(container, list):
            container.append(value)
        else:
            container.setdefault(name, value)

    def _byte(self) -> bytes:
        return self.text[self.at : self.at + 1]

    def _error(self, reason: str, at: int | None = None) -> DragomanError:
        return invalid(f"JSON Parse error: {reason} at offset: {self.at if at is None else at}")

    def _word_or_number(self) -> bool | int | float | None:
        found = WORD.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
            word = WORDS[found.group()]
            return word if isinstance(word, bool | float) else None
        found = NUMBER.match(self.text, self.at)
        if found is None:
            raise self._error("Invalid value.")
        value = _number(found)
        if value is None:
            raise self._error("Number too big to be stored in double.")
        self.at = found.end()
        follower = self._byte()
        if follower == b"." and found.group(1) is None and found.group(2) is None:
            raise self._error("Miss fraction part in number.")
        if follower in (b"e", b"E") and found.group(2) is None:
            raise self._error("Miss exponent in number.")
        return value

    def _numbers_into(self, innermost: list[JsonValue]) -> bool:
        """Read a whole list's elements if all are numbers; the bracket that ends it is left."""
        found = NUMBERS.match(self.text, self.at)
        if found is None:
            return False
        text = found.group()
        constants = CONSTANT.findall(text)
        try:
            # The text holds no letter but those of the constants, so a null is one of them.
            values = orjson.loads(b"[%b]" % (CONSTANT.sub(b"null", text) if constants else text))
        except orjson.JSONDecodeError:
            return False  # read one by one, the faulty element gets its error
        if constants:
            rest = iter(constants)
            values = [NON_FINITE[next(rest)] if value is None else value for value in values]
        innermost.extend(values)
        self.at = found.end()
        return True

    def _string(self) -> str:
        found = STRING.match(self.text, self.at)
        if found is None:
            raise self._unfinished_string()
        raw = found.group(1)
        try:
            value = raw.decode() if b"\\" not in raw else str(orjson.loads(found.group()))
        except UnicodeDecodeError as error:
            raise self._error("Invalid encoding in string.", self.at + 1 + error.start) from None
        except orjson.JSONDecodeError:
            raise self._bad_string(raw) from None
        self.at = found.end()
        return value

    def _unfinished_string(self) -> DragomanError:
        control = re.compile(rb'"(?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+').match(self.text, self.at)
        at = self.at if control is None else control.end()
        if at >= len(self.text) or self.text[at:] == b"\\":
            return self._error("Missing a closing quotation mark in string.", self.at)
        return self._error("Invalid encoding in string.", at)

    def _bad_string(self, raw: bytes) -> DragomanError:
        for escape in ESCAPE.finditer(raw):
            if escape.group(1) is None:
                at = self.at + 1 + escape.start()
                if escape.group(2) is not None:
                    return self._error("Incorrect hex digit after \\u escape in string.", at)
                return self._error("Invalid escape character in string.", at)
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            return self._error("Invalid encoding in string.", self.at + 1 + error.start)
        return self._error("The surrogate pair in string is invalid.")


def _number(found: re.Match[bytes]) -> int | float | None:
    """The number's value; None where a double cannot hold it."""
    token = found.group()
    if found.group(1) is None and found.group(2) is None and len(token) <= INT64_DIGITS:
        whole = int(token)
        if -(2**63) <= whole < 2**64:
            return whole
    value = float(token)
    return None if value in (float("inf"), float("-inf")) else value
