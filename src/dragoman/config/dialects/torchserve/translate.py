"""TorchServe's command line, environment and `config.properties` as native settings."""

import re
from collections.abc import Iterator
from typing import Final

from dragoman import __version__
from dragoman.config.command_line import CommandLine
from dragoman.config.dialect import Background, Level, Note, Source, Translation
from dragoman.config.dialects.torchserve.command_line import read_line
from dragoman.config.dialects.torchserve.configuration import Configuration, read_configuration
from dragoman.config.dialects.torchserve.flags import FLAGS, NO_TOKENS
from dragoman.config.dialects.torchserve.listeners import write_listeners
from dragoman.config.dialects.torchserve.metrics import write_metrics
from dragoman.config.dialects.torchserve.models import write_models
from dragoman.config.dialects.torchserve.registration import write_registration, write_snapshots
from dragoman.config.writer import Writer
from dragoman.core.errors import DragomanError, invalid

NAME: Final = "torchserve"
PID_FILE: Final = ".model_server.pid"  # as TorchServe calls its own
KEY_FILE: Final = "key_file.json"
FILE: Final = re.compile(
    r"^[ \t]*(inference_address|management_address|load_models|model_store)[ \t]*[=:]", re.MULTILINE
)


def translate(source: Source) -> Translation:
    """The native settings of a server that is started so.

    Errors: INVALID_ARGUMENT with a line for each value or file that is wrong.
    """
    line = read_line(source.arguments)
    if line.unknown:
        raise invalid(f"unrecognized arguments: {' '.join(line.unknown)}")
    if line.on("version"):
        return Translation({}, message=f"dragoman {__version__} in the place of TorchServe")
    if line.on("stop"):
        return Translation({}, background=Background(PID_FILE, ends=True))
    config = read_configuration(source, line)
    writer = Writer(source, line, NAME)
    mistakes: list[str] = []
    for part in (
        write_models,
        write_listeners,
        write_metrics,
        write_registration,
        write_snapshots,
        write_rest,
    ):
        try:
            part(writer, config)
        except DragomanError as error:
            mistakes += error.message.splitlines()
    if mistakes:
        raise invalid("\n".join(mistakes))
    notes = (*flag_notes(line), *config.notes(), *writer.notes)
    background = Background(PID_FILE) if line.on("start") and not line.on("foreground") else None
    return Translation(writer.tree, writer.origins, notes, background=background)


def write_rest(writer: Writer, config: Configuration) -> None:
    """Limits, what may be installed, what is watched: nothing, as the reference reads files when it starts.

    Errors: INVALID_ARGUMENT.
    """
    own = "TorchServe's own way"
    writer.set("limits.body_bytes", config.number("max_request_size", 1), config.origin("max_request_size"))
    writer.set("limits.request_timeout_s", 0, own)  # the handler's response timeout bounds a call
    writer.set("polling.poll_s", 0, own)
    writer.set("config_poll_s", 0, own)
    if config.on("install_py_dep_per_model"):
        origin = config.origin("install_py_dep_per_model")
        writer.set("archives.install_requirements", True, origin)
    if config.on("ts_open_inference_protocol"):
        writer.set("server_name", "Torchserve", config.origin("ts_open_inference_protocol"))
    if not config.on(NO_TOKENS):
        writer.set("tokens.file", KEY_FILE, "TorchServe's own way")
        minutes = config.number("token_expiration_min", 1)
        writer.set("tokens.expiration_min", minutes, config.origin("token_expiration_min"))


def flag_notes(line: CommandLine) -> Iterator[Note]:
    """A note for each flag that is given."""
    for name, given in line.given.items():
        flag = FLAGS[name]
        if given == flag.default:
            yield Note(f"--{name}", Level.HONOURED, "its default")
        else:
            yield Note(f"--{name}", flag.level, flag.text)


def recognise(text: str, path: str) -> list[str]:
    """The command line that serves a `config.properties`; nothing where the file is none."""
    return [f"--ts-config={path}"] if path.endswith(".properties") and FILE.search(text) else []
