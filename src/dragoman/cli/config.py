"""`dragoman config`: settings shown, described and translated."""

import json
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from msgspec.structs import replace

from dragoman.assembly.builtin import dialects
from dragoman.cli.failure import Exit, FailureError
from dragoman.cli.flags import NO_FLAGS, SettingsFlags, loaded
from dragoman.cli.view import say
from dragoman.config.environment import PREFIX
from dragoman.config.loader import Request
from dragoman.config.schema import schema_text
from dragoman.config.shown import document, rows

Json = Annotated[bool, Parameter(name="--json", negative="")]


def show(path: Path | None = None, /, *, as_json: Json = False, flags: SettingsFlags = NO_FLAGS) -> None:
    """Print every setting that would be in force, and where it comes from.

    Parameters
    ----------
    path:
        What `dragoman serve` would be given.
    as_json:
        Print a list of key, value and origin as JSON.
    """
    found = loaded(flags.request(path))
    table = list(rows(found.settings, found.origins))
    if as_json:
        print(json.dumps(msgspec.to_builtins(table), indent=2))
        return
    width = max(len(row.key) for row in table)
    for row in table:
        say(f"{row.key.ljust(width)}  {json.dumps(row.value, ensure_ascii=False)}  ({row.origin})")


def schema() -> None:
    """Print the JSON Schema of dragoman.yaml."""
    say(schema_text())


def translate(file: Path | None = None, /, *, flags: SettingsFlags = NO_FLAGS) -> None:
    """Print another server's command line, or a file of it, as dragoman.yaml, with what becomes of each key.

    Parameters
    ----------
    file:
        A file of another server, which is recognised by its content; or give --as NAME and its command line.
    """
    request = flags.request(None)
    if file is not None and request.dialect is None:
        request = recognised(file, request)
    if request.dialect is None:
        raise FailureError("give --as NAME with that server's flags, or one of its files", Exit.USAGE)
    theirs = {name: value for name, value in request.environment.items() if not name.startswith(PREFIX)}
    found = loaded(replace(request, allow_unsupported=True, environment=theirs))
    say(document(found.tree, found.notes).rstrip("\n"))


def recognised(file: Path, request: Request) -> Request:
    """The command line of the server that such a file belongs to."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FailureError(f"{file} cannot be read: {error}") from error
    for dialect in dialects().values():
        arguments = dialect.recognise(text, str(file.absolute()))
        if arguments:
            return replace(request, dialect=dialect, arguments=tuple(arguments))
    raise FailureError(f"{file} is not recognised as another server's; say whose it is with --as NAME")


config = App(name="config", help="Show, describe and translate settings.", help_format="plaintext")
config.command(show)
config.command(schema)
config.command(translate)
