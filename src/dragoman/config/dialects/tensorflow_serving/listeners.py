"""Where the server listens."""

from typing import Any, Final

from dragoman.config.command_line import CommandLine, wrong
from dragoman.config.dialect import Level, Note
from dragoman.config.dialects.tensorflow_serving.other_files import read_ssl
from dragoman.config.writer import Writer

EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 (where the reference listens)
IMAGE_REST_PORT: Final = 8501  # the Docker image passes --rest_api_port=8501


def write_listeners(writer: Writer) -> None:
    """`listeners`: gRPC, and REST where it has a port of its own.

    Errors: INVALID_ARGUMENT.
    """
    grpc_port, rest_port = port(writer, "port"), port(writer, "rest_api_port")
    asked = "rest_api_port" in writer.line.given
    if not asked and not names_models(writer.line):
        rest_port = IMAGE_REST_PORT
    listeners: list[dict[str, Any]] = []
    if rest_port and rest_port != grpc_port:
        writer.origins["listeners[0].port"] = "--rest_api_port"
        listeners.append(listener("http", rest_port) | rest_only(writer))
    elif rest_port:
        text = f"REST is not started, as its port is that of gRPC ({rest_port})"
        writer.notes.append(Note("--rest_api_port", Level.IGNORED, text))
    elif not asked:
        text = "is not given, so there is no REST, as in TensorFlow Serving; its Docker image gives 8501"
        writer.notes.append(Note("--rest_api_port", Level.IGNORED, text))
    if grpc_port:
        writer.origins[f"listeners[{len(listeners)}].port"] = "--port"
        listeners.append(listener("grpc", grpc_port) | grpc_only(writer))
    writer.tree["listeners"] = listeners


def port(writer: Writer, flag: str) -> int:
    """A flag's port; 0 = none."""
    number = writer.line.number(flag)
    if not 0 <= number <= 65535:
        raise wrong(flag, f"{number} is no port")
    return number


def listener(transport: str, number: int) -> dict[str, Any]:
    """A listener as the reference has it."""
    return {
        "name": transport,
        "transport": transport,
        "host": EVERYWHERE,
        "port": number,
        "dialect": "tfserving",
        "mounts": [],
    }


def grpc_only(writer: Writer) -> dict[str, Any]:
    """What flags say of gRPC alone."""
    made: dict[str, Any] = {}
    if writer.line.on("enable_serialization_as_tensor_content"):
        made["raw_tensors"] = True
    if path := writer.line.text("ssl_config_file"):
        made["tls"], notes = read_ssl(writer.source.read(path), path)
        writer.notes += notes
    return made


def rest_only(writer: Writer) -> dict[str, Any]:
    """What flags say of REST alone."""
    return {"cors": True} if writer.line.on("rest_api_enable_cors_support") else {}


def names_models(line: CommandLine) -> bool:
    """Whether flags name the models; else the Docker image's environment does, or a PATH."""
    return bool(line.text("model_config_file") or line.text("model_base_path"))
