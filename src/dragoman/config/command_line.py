"""Another server's command line: `--flag=value`, `--flag value`, and for a boolean `--flag` alone.

What the flags are is a table of the dialect's. What happens to a word that is none of them is its, too.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from dragoman.config.dialect import Level
from dragoman.core.errors import DragomanError, invalid

BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "false": False, "1": True, "0": False}
INT64: Final = range(-(2**63), 2**63)
Value = bool | int | float | str


class Flag(Struct, frozen=True):
    """A flag: its default, whose type is the flag's, and what happens to it.

    The level is that of a value other than the default; the default itself changes nothing.
    """

    name: str
    default: Value
    level: Level
    text: str


Flags = Mapping[str, Flag]  # by name


class Word(Struct, frozen=True):
    """A flag with the text of its value, or a word that is no flag; `words` are as they were typed."""

    flag: Flag | None
    value: str
    words: tuple[str, ...]


class CommandLine(Struct, frozen=True):
    """The flags that were given, out of those that there are, and the words that are none."""

    flags: Flags
    given: Mapping[str, Value]
    unknown: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Value:
        """A flag's value; where it was not given, its default."""
        return self.given.get(name, self.flags[name].default)

    def text(self, name: str) -> str:
        """The value of a flag that takes text."""
        return str(self[name])

    def number(self, name: str) -> int:
        """The value of a flag that takes an integer."""
        return int(self[name])

    def on(self, name: str) -> bool:
        """The value of a boolean flag."""
        return bool(self[name])


def read_command_line(
    flags: Flags, arguments: Sequence[str], booleans: Mapping[str, bool] = BOOLEANS
) -> CommandLine:
    """The flags by their names; of one given twice, the last. `booleans` are the words for yes and no.

    Errors: INVALID_ARGUMENT with a line for each value that is badly formed.
    """
    given: dict[str, Value] = {}
    unknown: list[str] = []
    mistakes = []
    for word in divided(flags, arguments, booleans):
        if word.flag is None:
            unknown += word.words
            continue
        try:
            given[word.flag.name] = converted(word.flag, word.value, booleans)
        except ValueError:
            kind = "a boolean" if isinstance(word.flag.default, bool) else type(word.flag.default).__name__
            mistakes.append(f"--{word.flag.name}: {word.value[:40]!r} is not {kind}")
    if mistakes:
        raise invalid("\n".join(mistakes))
    return CommandLine(flags, given, tuple(unknown))


def separate(
    flags: Flags, arguments: Sequence[str], booleans: Mapping[str, bool] = BOOLEANS
) -> tuple[list[str], list[str]]:
    """The words that belong to these flags, and the others."""
    own: list[str] = []
    others: list[str] = []
    for word in divided(flags, arguments, booleans):
        (others if word.flag is None else own).extend(word.words)
    return own, others


def divided(flags: Flags, arguments: Sequence[str], booleans: Mapping[str, bool]) -> Iterator[Word]:
    """The words, each flag together with its value."""
    rest = list(reversed(arguments))
    while rest:
        word = rest.pop()
        name, equals, value = word.removeprefix("--").partition("=")
        flag = flags.get(name) if word.startswith("--") else None
        words = [word]
        if flag is not None and not equals:
            boolean = isinstance(flag.default, bool)
            if rest and (not boolean or rest[-1] in booleans):
                words.append(rest.pop())
                value = words[1]
            else:
                value = "true" if boolean else ""
        yield Word(flag, value, tuple(words))


def converted(flag: Flag, text: str, booleans: Mapping[str, bool]) -> Value:
    """A flag's value from its text.

    Errors: ValueError where the text is not of the flag's type.
    """
    if isinstance(flag.default, bool):
        if text not in booleans:
            raise ValueError
        return booleans[text]
    if isinstance(flag.default, int):
        if re.fullmatch(r"[+-]?[0-9]{1,19}", text) is None or int(text) not in INT64:
            raise ValueError
        return int(text)
    if isinstance(flag.default, float):
        return float(text)
    return text


def wrong(flag: str, what: str) -> DragomanError:
    """The error for a flag's value that cannot be used."""
    return invalid(f"--{flag}: {what}")
