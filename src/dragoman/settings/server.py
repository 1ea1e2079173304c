"""Settings of the server as a whole."""

import enum
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, field

from dragoman.settings.access import AccessSettings
from dragoman.settings.deployment import GRADIENT, Deployment, Mount
from dragoman.settings.limits import Limits
from dragoman.settings.tls import TlsSettings


class Dialect(enum.Enum):
    """Which answers a listener gives where servers differ: the union, or one server's own."""

    SUPERSET = "superset"
    TFSERVING = "tfserving"


class Listener(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address that is listened on. Port 0 = any free one. `protocols` empty = every one there is."""

    transport: Literal["http", "grpc"] = "http"
    host: str = "127.0.0.1"
    port: int = 8000
    dialect: Dialect = Dialect.SUPERSET
    protocols: tuple[str, ...] = ()
    raw_tensors: bool = False  # gRPC only: whether tensors are answered as raw bytes, where that is a choice
    mounts: tuple[Mount, ...] = (GRADIENT,)  # HTTP only: other paths to models
    open_models: tuple[str, ...] = ()  # served to everyone here although a deployment closes them
    tls: TlsSettings = TlsSettings()


LISTENERS: Final = (Listener(), Listener(transport="grpc", port=8001))
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 (where TensorFlow Serving listens)

# What `--as NAME` means before its own flags are read: where that server listens and how it answers.
PERSONALITIES: Final[Mapping[str, tuple[Listener, ...]]] = {
    "tfserving": (
        Listener(host=EVERYWHERE, port=8501, dialect=Dialect.TFSERVING, mounts=()),
        Listener(transport="grpc", host=EVERYWHERE, port=8500, dialect=Dialect.TFSERVING),
    ),
}


class LogSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is written to stderr. `access` failures = failed and slow requests only."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"  # auto = console on a terminal, json elsewhere
    access: Literal["failures", "full", "off"] = "failures"
    slow_request_s: float = 1.0


class ServerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The one native configuration."""

    repository: str
    listeners: tuple[Listener, ...] = LISTENERS
    limits: Limits = Limits()
    log: LogSettings = field(default_factory=LogSettings)
    access: AccessSettings = AccessSettings()
    deployments: tuple[Deployment, ...] = ()
    deployments_file: str | None = None  # more of them; None = deployments.yaml beside the repository
    watch_s: Annotated[float, Meta(gt=0)] = 1.0  # how often that file, secrets and certificates are looked at
