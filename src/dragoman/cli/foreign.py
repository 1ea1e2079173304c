"""Words after `--as NAME`: those of that server go to its dialect untouched, the others stay our own.

A word that belongs to nobody goes to the dialect, too, which tells of it as that server does. Where both have
a flag of one name, as `--port`, it is the dialect's behind `--as NAME`, and ours before. It is ours behind,
too, where the line gives a PATH, which no other server takes so, and no flag that is that server's alone.
"""

import os
from collections.abc import Sequence
from typing import Final

from cyclopts import App

from dragoman.assembly.builtin import dialects

AS: Final = "--as"
ARGUMENT: Final = "--dialect-argument"  # hidden: one word for the dialect


def rearranged(app: App, arguments: Sequence[str]) -> list[str]:
    """The arguments with each word of the dialect as a value of ARGUMENT; unchanged where there is none."""
    command, _, _ = app.parse_commands(list(arguments))
    before, name, after = parted(arguments)
    dialect = dialects().get(name)
    if dialect is None or not command:
        return list(arguments)
    known = own_flags(app, command)
    own, others = dialect.separate(after)
    if all(flag(word) in known for word in own if word.startswith("-")) and gives_path(
        [*before[len(command) :], *others]
    ):
        own, others = [], after
    kept, unknown = [], []
    rest = list(reversed(others))
    while rest:
        word = rest.pop()
        if not word.startswith("-") or flag(word) in known:
            kept.append(word)
            continue
        unknown.append(word)
        if "=" not in word and rest and not rest[-1].startswith("-"):
            unknown.append(rest.pop())
    return [*before, *kept, f"{AS}={name}", *(f"{ARGUMENT}={word}" for word in [*own, *unknown])]


def flag(word: str) -> str:
    """The name of a flag that may hold its value."""
    return word.partition("=")[0]


def gives_path(words: Sequence[str]) -> bool:
    """Whether one of the words names a file or folder."""
    return any(not word.startswith("-") and os.path.exists(word) for word in words)


def parted(arguments: Sequence[str]) -> tuple[list[str], str, list[str]]:
    """The words before `--as`, the name after it, and what follows; no name where there is no `--as`."""
    for place, word in enumerate(arguments):
        if word == AS and place + 1 < len(arguments):
            return list(arguments[:place]), arguments[place + 1], list(arguments[place + 2 :])
        if word.startswith(f"{AS}="):
            return list(arguments[:place]), word.partition("=")[2], list(arguments[place + 1 :])
    return list(arguments), "", []


def own_flags(app: App, command: Sequence[str]) -> frozenset[str]:
    """The names of a verb's own flags."""
    for verb in command:
        app = app[verb]
    named = {name for argument in app.assemble_argument_collection() for name in argument.names}
    return frozenset(named | {"--help", "-h"})
