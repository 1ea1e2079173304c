"""`dragoman serve`."""

import errno
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from dragoman.assembly.listeners import ListenError
from dragoman.assembly.reload import LeftOut, Reread
from dragoman.assembly.run import Rereading, run
from dragoman.cli.background import begin, end
from dragoman.cli.failure import Exit, FailureError
from dragoman.cli.flags import NO_FLAGS, SettingsFlags, loaded
from dragoman.cli.port_owner import port_owner
from dragoman.cli.table import one_line
from dragoman.cli.view import PlainView, TerminalView, say
from dragoman.config.dialect import Level
from dragoman.config.loader import Loaded, load
from dragoman.core.errors import DragomanError
from dragoman.settings.server import ServerSettings

FLAGS: Final = {"http": "--port", "grpc": "--grpc-port"}


def serve(path: Path | None = None, /, *, flags: SettingsFlags = NO_FLAGS) -> None:
    """Serve a model file, a model's folder, a folder of models, or what a file of settings names.

    Parameters
    ----------
    path:
        A model file (model.onnx), one model's folder (numbered version folders inside, or the file itself),
        a folder of such folders, or a file of settings (dragoman.yaml).
    """
    request = flags.request(path)
    found = loaded(request)
    if found.message is not None:
        write(found.writes)
        say(found.message)
        return
    if found.background is not None and found.background.ends:
        say(end(found.background))
        return
    if not found.settings.repositories and "models" not in found.tree:
        raise FailureError(
            "there is nothing to serve: give a PATH, or --config FILE that names models", Exit.USAGE
        )
    if found.background is not None:  # the notes are told by the process that serves
        say(begin(found.background, [*sys.argv[1:], "--foreground"]))
        return
    tell_notes(found)
    terminal = sys.stdout.isatty()

    def reread(found: Loaded) -> Reread:
        refused = tuple(LeftOut(str(note), note.place) for note in found.notes if note.level is Level.REFUSED)
        return Reread(quieter(found) if terminal else found.settings, found.files, found.contents, refused)

    first = reread(found)
    rereading = Rereading(first, lambda: reread(load(request)))
    try:
        run(first.settings, TerminalView() if terminal else PlainView(), rereading)
    except (DragomanError, OSError) as error:
        raise refusal(error) from error


def write(files: Mapping[str, str]) -> None:
    """Write these files, each as a whole or not at all.

    Errors: FailureError naming the file.
    """
    for path, text in files.items():
        new = f"{path}.new"
        try:
            Path(new).write_text(text, encoding="utf-8")
            os.replace(new, path)
        except OSError as error:
            raise FailureError(f"{path} cannot be written: {(error.strerror or '').lower()}") from error


def tell_notes(found: Loaded) -> None:
    """Say which flags and keys of another server do nothing here."""
    for note in found.notes:
        if note.level is not Level.HONOURED:
            print(f"dragoman: {one_line(str(note))}", file=sys.stderr)


def quieter(found: Loaded) -> ServerSettings:
    """The settings for a terminal, which shows what the log would tell: warnings only, unless asked."""
    settings = found.settings
    if "log.level" in found.origins:
        return settings
    return replace(settings, log=replace(settings.log, level="warning"))


def refusal(error: DragomanError | OSError) -> FailureError:
    """Why the server could not start, in words; for a port in use, who is there and what to do."""
    if isinstance(error, DragomanError):
        return FailureError(error.message)
    if not isinstance(error, ListenError):
        return FailureError(str(error))
    listener = error.listener
    if error.errno != errno.EADDRINUSE:
        number = error.errno or 0  # name resolution has numbers of its own, below 0
        why = os.strerror(number) if number > 0 else error.strerror or error
        return FailureError(f"cannot listen on {listener.host}:{listener.port}: {why}")
    owner = port_owner(listener.port)
    by = f" by process {owner.pid} ({one_line(owner.command)})" if owner else ""
    option = FLAGS[listener.transport]
    return FailureError(
        f"port {listener.port} is in use{by}; choose another with {option}, or {option} 0 for any free one"
    )
