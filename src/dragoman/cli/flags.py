"""Flags that several verbs share: what a server's settings come from, and values that win over them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from dragoman.assembly.builtin import dialects
from dragoman.cli.failure import Exit, FailureError
from dragoman.config.loader import Loaded, Request, load
from dragoman.config.overlay import Override
from dragoman.core.errors import DragomanError

Port = Annotated[int, Parameter(validator=Number(gte=0, lte=65535))]
Switch = Annotated[bool, Parameter(negative="")]
CONFIG_SUFFIXES: Final = frozenset({".yaml", ".yml"})
# By field of SettingsFlags: the key it sets, and of which listeners.
KEYS: Final = {
    "host": ("host", "*"),
    "port": ("port", "http"),
    "grpc_port": ("port", "grpc"),
    "log_level": ("log.level", None),
    "log_format": ("log.format", None),
    "access_log": ("log.access", None),
}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SettingsFlags:
    """Where settings come from, and single values that win over all others."""

    config: Path | None = None
    """A file of settings, as dragoman.yaml; PATH may be one, too."""

    personality: Annotated[str | None, Parameter(name="--as")] = None
    """Take that server's flags and files from here on, listen where it listens, answer exactly as it does."""

    dialect_argument: Annotated[list[str] | None, Parameter(show=False, negative="")] = None

    allow_unsupported: Switch = False
    """Start although a flag or key of that server would change answers or access, and cannot be honoured."""

    host: str | None = None
    """The address to listen on. [default: 127.0.0.1; 0.0.0.0 with --as]"""

    port: Port | None = None
    """The port for HTTP; 0 takes any free one. [default: 8000; 8501 with --as tfserving]"""

    grpc_port: Port | None = None
    """The port for gRPC; 0 takes any free one.
    [default: 8001; 8500 with --as tfserving; any free one with --port 0]"""

    trust_code: Switch = False
    """Load models that bring code, such as Python files, without a `trust: code` of their own."""

    log_level: Literal["debug", "info", "warning", "error"] | None = None
    """The least serious events that are logged to standard error; requests are --access-log's business.
    [default: info; warning on a terminal, which shows the rest by itself]"""

    log_format: Literal["auto", "console", "json"] | None = None
    """auto is console on a terminal and json elsewhere. [default: auto]"""

    access_log: Literal["failures", "full", "off"] | None = None
    """Which requests are logged; failures means failed and slow ones. [default: failures]"""

    def overrides(self) -> Iterator[Override]:
        """The values that are given, each with its flag as its origin."""
        for name, (key, transport) in KEYS.items():
            value = getattr(self, name)
            if value is not None:
                yield Override(key, value, f"--{name.replace('_', '-')}", transport)
        if self.port == 0 and self.grpc_port is None:
            yield Override("port", 0, "--port", "grpc")
        if self.trust_code:
            yield Override("every_model.trust", "code", "--trust-code")

    def request(self, path: Path | None) -> Request:
        """What is to be loaded.

        Errors: FailureError for a path that is not there, and for a server that is not known.
        """
        known = dialects()
        if self.personality is not None and self.personality not in known:
            raise FailureError(f"{self.personality!r} is not one of {', '.join(known)}", Exit.USAGE)
        if path is not None and not path.exists():
            raise FailureError(f"there is no file or folder {str(path)!r}", Exit.USAGE)
        config = self.config
        if path is not None and path.suffix in CONFIG_SUFFIXES and path.is_file():
            if config is not None:
                raise FailureError(f"{path} and --config {config} are both files of settings", Exit.USAGE)
            path, config = None, path
        return Request(
            path=None if path is None else str(path),
            config=None if config is None else str(config),
            dialect=None if self.personality is None else known[self.personality],
            arguments=tuple(self.dialect_argument or ()),
            overrides=tuple(self.overrides()),
            environment=dict(os.environ),
            allow_unsupported=self.allow_unsupported,
        )


NO_FLAGS: Final = SettingsFlags()


def loaded(request: Request) -> Loaded:
    """The settings.

    Errors: FailureError with every mistake.
    """
    try:
        return load(request)
    except DragomanError as error:
        raise FailureError(error.message) from error
