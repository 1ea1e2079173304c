"""The command line of KServe's Python server as native settings.

Its other setting is the environment: `CE_TYPE`, `CE_SOURCE` and `CE_MERGE` are read for every server
(`config/environment.py`).
"""

from collections.abc import Iterator
from typing import Any, Final

from dragoman.config.command_line import CommandLine, read_command_line, wrong
from dragoman.config.dialect import Level, Note, Source, Translation
from dragoman.config.dialects.kserve.flags import BOOLEANS, FLAGS
from dragoman.config.writer import Writer
from dragoman.core.errors import DragomanError, invalid
from dragoman.settings.limits import Limits

NAME: Final = "kserve"
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 (where the reference listens)
LOCAL: Final = "file://"
CERTIFICATE: Final = (("certificate", "ssl_certfile", "CERT"), ("key", "ssl_keyfile", "KEY"))
NO_LIMIT: Final = 2**31 - 1  # the largest message that gRPC has


def translate(source: Source) -> Translation:
    """The native settings of a server that is started so.

    Errors: INVALID_ARGUMENT with a line for each value that is wrong.
    """
    line = read_command_line(FLAGS, source.arguments, BOOLEANS)
    writer = Writer(source, line, NAME)
    mistakes: list[str] = []
    for part in (write_model, write_listeners, write_limits):
        try:
            part(writer)
        except DragomanError as error:
            mistakes += error.message.splitlines()
    if mistakes:
        raise invalid("\n".join(mistakes))
    return Translation(writer.tree, writer.origins, tuple(flag_notes(line)))


def write_model(writer: Writer) -> None:
    """`models`: the one of the command line; none where that has a PATH of its own.

    Errors: INVALID_ARGUMENT without either, and for a folder that is not on this machine.
    """
    folder = writer.line.text("model_dir").removeprefix(LOCAL)
    if not folder:
        if writer.source.path is None:
            raise wrong("model_dir", "is not given: name the model's file or folder, or a PATH")
        return
    if "://" in folder:
        raise wrong("model_dir", f"{folder} is not on this machine: fetch it first, as KServe does")
    # Who names the folder of one model on the command line trusts the code that lies there.
    model = {"name": writer.line.text("model_name"), "path": folder, "trust": "code"}
    writer.set("models", [model], "--model_dir")


def write_listeners(writer: Writer) -> None:
    """`listeners`: HTTP, and gRPC unless that is switched off.

    Errors: INVALID_ARGUMENT for a number that is no port.
    """
    listeners = [listener(writer, "http")]
    if writer.line.on("enable_grpc"):
        listeners.append(listener(writer, "grpc"))
    for index, made in enumerate(listeners):
        writer.origins[f"listeners[{index}].port"] = f"--{made['transport']}_port"
    writer.tree["listeners"] = listeners


def listener(writer: Writer, transport: str) -> dict[str, Any]:
    """A listener as the reference has it.

    Errors: INVALID_ARGUMENT.
    """
    flag = f"{transport}_port"
    number = writer.line.number(flag)
    if not 0 <= number <= 65535:
        raise wrong(flag, f"{number} is no port")
    made: dict[str, Any] = {
        "name": transport,
        "transport": transport,
        "host": EVERYWHERE,
        "port": number,
        "dialect": NAME,
        "mounts": [],
    }
    tls = certificate(writer) if transport == "http" else {}
    return {**made, "tls": tls} if tls else made


def certificate(writer: Writer) -> dict[str, str]:
    """The files of TLS, which flags or the environment name.

    Errors: INVALID_ARGUMENT for one without the other, where the reference would serve without TLS.
    """
    environment = writer.source.environment
    named = {
        key: writer.line.text(flag) or environment.get(f"KSERVE_TLS_{variable}_FILE", "")
        for key, flag, variable in CERTIFICATE
    }
    if any(named.values()) and not all(named.values()):
        raise wrong("ssl_certfile", "and --ssl_keyfile are given together, or neither")
    return named if named["key"] else {}


def write_limits(writer: Writer) -> None:
    """`limits`: how long an idle connection stays, and how large a message may be."""
    line = writer.line
    flag = "timeout-keep-alive"
    if flag in line.given:
        writer.set("limits.keep_alive_timeout_s", max(0, line.number(flag)), f"--{flag}")
    flag = "grpc_max_receive_message_length"
    largest = line.number(flag) if line.number(flag) >= 0 else NO_LIMIT
    if largest > Limits().body_bytes:
        writer.set("limits.body_bytes", largest, f"--{flag}")


def flag_notes(line: CommandLine) -> Iterator[Note]:
    """A note for each flag that is given, and for each word that is none."""
    for name, value in line.given.items():
        flag = FLAGS[name]
        if value == flag.default:
            yield Note(f"--{name}", Level.HONOURED, "its default")
        else:
            yield Note(f"--{name}", flag.level, flag.text)
    for word in line.unknown:
        yield Note(word, Level.IGNORED, f"unknown argument: {word}")


def recognise(_: str, __: str) -> list[str]:
    """Nothing: KServe's server has no file of settings."""
    return []
