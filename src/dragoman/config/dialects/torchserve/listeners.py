"""Where the server listens.

Each of TorchServe's five addresses is a row of SURFACES, and becomes a listener unless a key says otherwise,
of which a note tells.
"""

import re
from typing import Any, Final

from msgspec import Struct

from dragoman.config.dialect import Level, Note
from dragoman.config.dialects.torchserve.configuration import Configuration
from dragoman.config.dialects.torchserve.keys import KEYS, NO_METRICS
from dragoman.config.writer import Writer
from dragoman.core.errors import DragomanError, invalid

ADDRESS: Final = re.compile(r"(https?)://([^:/]+)(?::([0-9]+))?|unix:(/.*)", re.IGNORECASE)
CERTIFICATE: Final = ("certificate_file", "private_key_file")
METRICS: Final = "metrics"
GRPC_TLS: Final = "enable_grpc_ssl"


class Surface(Struct, frozen=True):
    """One of TorchServe's addresses: the key that sets it, and that of its port, where it has one.

    `http_port`, `https_port`: where an address names none.
    `protocol`: the only one there; empty = all that need not be named are. `switch`: the key without which
    nothing answers, and what a note then says.
    """

    name: str
    transport: str
    address_key: str
    port_key: str = ""
    http_port: int = 0
    https_port: int = 0
    protocol: str = ""
    switch: tuple[str, str] | None = None

    def absent(self, config: Configuration) -> str:
        """Why nothing answers; empty = it does."""
        if self.switch is not None and not config.on(self.switch[0]):
            return self.switch[1]
        return ""


SURFACES: Final = (
    Surface("inference", "http", "inference_address", http_port=80, https_port=443),
    Surface(
        "management",
        "http",
        "management_address",
        http_port=8081,
        https_port=8444,
        protocol="torchserve_management",
    ),
    Surface(
        "metrics",
        "http",
        "metrics_address",
        http_port=8082,
        https_port=8445,
        protocol=METRICS,
        switch=("enable_metrics_api", NO_METRICS),
    ),
    Surface("grpc_inference", "grpc", "grpc_inference_address", "grpc_inference_port"),
    Surface(
        "grpc_management",
        "grpc",
        "grpc_management_address",
        "grpc_management_port",
        protocol="torchserve_management",
    ),
)


class Address(Struct, frozen=True):
    """A host and port, or a Unix socket."""

    host: str = ""
    port: int = 0
    tls: bool = False
    socket: str = ""

    def __str__(self) -> str:
        return f"unix:{self.socket}" if self.socket else f"{self.host}:{self.port}"


def write_listeners(writer: Writer, config: Configuration) -> None:
    """`listeners`: one for each address where something answers.

    Errors: INVALID_ARGUMENT with a line for each address that is none.
    """
    mistakes: list[str] = []
    made: dict[Address | str, dict[str, Any]] = {}
    for surface in SURFACES:
        try:
            address = address_of(surface, config)
            if missing := surface.absent(config):
                writer.notes.append(Note(f"{surface.name} at {address}", Level.IGNORED, missing))
                continue
            if address.socket:
                text = f"there are no Unix sockets; {KEYS[surface.address_key].default} is listened on"
                key = f"{config.origin(surface.address_key)}"
                writer.notes.append(Note(key, Level.UNSUPPORTED, text))
                address = parsed(str(KEYS[surface.address_key].default), surface)
            if address.port and address in made:  # two surfaces of one address are one listener
                join(made[address], surface)
            else:
                writer.origins[f"listeners[{len(made)}]"] = config.origin(surface.address_key)
                made[address if address.port else surface.name] = listener(surface, address, config)
        except DragomanError as error:
            mistakes.append(error.message)
    if mistakes:
        raise invalid("\n".join(mistakes))
    writer.tree["listeners"] = list(made.values())


def join(there: dict[str, Any], surface: Surface) -> None:
    """Let a listener speak what belongs at another surface's address, which is the same."""
    if not surface.protocol:
        return
    if "protocols" in there:
        there["protocols"].append(surface.protocol)
    elif surface.protocol in there.get("without", ()):
        del there["without"]
    else:
        there.setdefault("also", []).append(surface.protocol)


def listener(surface: Surface, address: Address, config: Configuration) -> dict[str, Any]:
    """A listener as the reference has it.

    Errors: INVALID_ARGUMENT for TLS without a certificate.
    """
    made: dict[str, Any] = {
        "name": surface.name,
        "transport": surface.transport,
        "host": address.host,
        "port": address.port,
        "dialect": "torchserve",
    }
    if surface.protocol:
        made["protocols"] = [surface.protocol]
    if address.tls:
        made["tls"] = certificate(surface, config)
    if surface.transport == "grpc":
        return made
    if not surface.protocol:
        made["without"] = [METRICS]  # which have an address of their own, unless it is this one
    made["mounts"] = []
    cors = {name: config.text(f"cors_allowed_{name}") for name in ("origin", "methods", "headers")}
    if any(cors.values()):
        made["cors"] = {name: value for name, value in cors.items() if value}
    return made


def certificate(surface: Surface, config: Configuration) -> dict[str, str]:
    """The files of TLS.

    Errors: INVALID_ARGUMENT where they are not given. The reference makes a certificate up, which no client
    trusts.
    """
    if keystore := config.text("keystore"):
        return {"keystore": keystore, "keystore_password": config.text("keystore_pass")}
    found = {key: config.text(key) for key in CERTIFICATE}
    if not all(found.values()):
        key, what = surface.address_key, "https"
        if surface.transport == "grpc":
            key = what = GRPC_TLS
        raise config.wrong(key, f"{what} wants keystore, or private_key_file and certificate_file")
    return {"certificate": found["certificate_file"], "key": found["private_key_file"]}


def address_of(surface: Surface, config: Configuration) -> Address:
    """Where a surface is.

    Errors: INVALID_ARGUMENT.
    """
    text = config.text(surface.address_key).strip()
    if surface.transport == "http":
        try:
            return parsed(text, surface)
        except DragomanError as error:
            raise config.wrong(surface.address_key, error.message) from error
    number = config.number(surface.port_key)
    if number > 65535:
        raise config.wrong(surface.port_key, f"{number} is no port")
    return Address(text, number, config.on(GRPC_TLS))


def parsed(text: str, surface: Surface) -> Address:
    """An address of HTTP.

    Errors: INVALID_ARGUMENT in the reference's words.
    """
    found = ADDRESS.fullmatch(text)
    if found is None:
        raise invalid(f"Invalid binding address: {text}")
    scheme, host, port, socket = found.groups()
    if socket:
        return Address(socket=socket)
    tls = scheme.lower() == "https"
    usual = surface.https_port if tls else surface.http_port
    number = int(port) if port else usual
    if number > 65535:
        raise invalid(f"Invalid port number: {text}")
    return Address(host, number, tls)
