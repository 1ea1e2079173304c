"""`dragoman serve`."""

import errno
import os
import sys
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter
from cyclopts.validators import Number
from msgspec.structs import replace

from dragoman.assembly.listeners import ListenError
from dragoman.assembly.run import run
from dragoman.cli.failure import Exit, FailureError
from dragoman.cli.port_owner import port_owner
from dragoman.cli.table import one_line
from dragoman.cli.view import PlainView, TerminalView
from dragoman.core.errors import DragomanError
from dragoman.settings.overlay import ModelOverlay
from dragoman.settings.server import LISTENERS, PERSONALITIES, LogSettings, ServerSettings

FLAGS: Final = {"http": "--port", "grpc": "--grpc-port"}
Port = Annotated[int, Parameter(validator=Number(gte=0, lte=65535))]


def serve(
    path: Path,
    /,
    *,
    personality: Annotated[Literal["tfserving"] | None, Parameter(name="--as")] = None,
    host: str | None = None,
    port: Port | None = None,
    grpc_port: Port | None = None,
    trust_code: Annotated[bool, Parameter(negative="")] = False,
    log_level: Literal["debug", "info", "warning", "error"] | None = None,
    log_format: Literal["auto", "console", "json"] = "auto",
    access_log: Literal["failures", "full", "off"] = "failures",
) -> None:
    """Serve a model file, a model's folder or a folder of models.

    Parameters
    ----------
    path:
        A model file (model.onnx), one model's folder (numbered version folders inside, or the file itself),
        or a folder of such folders.
    personality:
        Listen where that server listens, and answer exactly as it does.
    host:
        The address to listen on. [default: 127.0.0.1; 0.0.0.0 with --as tfserving]
    port:
        The port for HTTP; 0 takes any free one. [default: 8000; 8501 with --as tfserving]
    grpc_port:
        The port for gRPC; 0 takes any free one.
        [default: 8001; 8500 with --as tfserving; any free one with --port 0]
    trust_code:
        Load models that bring code, such as Python files, without a `trust: code` of their own.
    log_level:
        The least serious events that are logged to standard error; requests are --access-log's business.
        [default: info; warning on a terminal, which shows the rest by itself]
    log_format:
        auto is console on a terminal and json elsewhere.
    access_log:
        Which requests are logged to standard error; failures means failed and slow ones.
    """
    if not path.exists():
        raise FailureError(f"there is no file or folder {str(path)!r}", Exit.USAGE)
    ports = {"http": port, "grpc": 0 if port == 0 and grpc_port is None else grpc_port}
    listeners = tuple(
        replace(
            listener,
            host=listener.host if host is None else host,
            port=listener.port if (asked := ports[listener.transport]) is None else asked,
        )
        for listener in (PERSONALITIES[personality] if personality else LISTENERS)
    )
    terminal = sys.stdout.isatty()
    level = log_level or ("warning" if terminal else "info")
    log = LogSettings(level=level, format=log_format, access=access_log)
    every_model = ModelOverlay(trust="code") if trust_code else ModelOverlay()
    settings = ServerSettings(repository=str(path), every_model=every_model, listeners=listeners, log=log)
    try:
        run(settings, TerminalView() if terminal else PlainView())
    except (DragomanError, OSError) as error:
        raise refusal(error) from error


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
