"""Where the server listens."""

from collections.abc import Iterator
from typing import Any, Final

from dragoman.config.writer import Writer
from dragoman.core.errors import invalid

TRANSPORTS: Final = {"http": ("rest_port", "rest_bind_address"), "grpc": ("port", "grpc_bind_address")}
CORS: Final = {"origin": "allowed_origins", "methods": "allowed_methods", "headers": "allowed_headers"}


def write_listeners(writer: Writer) -> None:
    """`listeners`: one for each address of a transport that has a port.

    Errors: INVALID_ARGUMENT where no transport has one, and where both have the same.
    """
    line = writer.line
    rest, grpc = line.number("rest_port"), line.number("port")
    if not rest and not grpc:
        raise invalid("port and rest_port cannot both be unset: give --port, --rest_port or both")
    if rest == grpc:
        raise invalid(f"port and rest_port cannot have the same value ({rest})")
    writer.set("listeners", list(listeners(writer)), "--port and --rest_port")
    for index, listener in enumerate(writer.tree["listeners"]):
        writer.origins[f"listeners[{index}].port"] = f"--{TRANSPORTS[listener['transport']][0]}"


def listeners(writer: Writer) -> Iterator[dict[str, Any]]:
    """The listeners."""
    cors = {key: writer.line.text(flag) for key, flag in CORS.items()}
    for transport, (port, addresses) in TRANSPORTS.items():
        number = writer.line.number(port)
        hosts = writer.line.text(addresses).split(",") if number else []
        for index, host in enumerate(hosts):
            yield {
                "name": transport if index == 0 else f"{transport}{index + 1}",
                "transport": transport,
                "host": host.strip(),
                "port": number,
                "dialect": "ovms",
                "mounts": [],
                **({"cors": cors} if transport == "http" else {}),
            }
