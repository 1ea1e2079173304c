"""A worker process: load the model that the server names, then answer calls until told to end."""

import fcntl
import importlib
import os
import resource
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.base import Engine, LoadedModel
from dragoman.execution.workers.calls import Calls
from dragoman.execution.workers.channel import Channel
from dragoman.execution.workers.frames import TO_WORKER, Failed, Load, Measured, Ready
from dragoman.execution.workers.handlers.hosting import HandlerHost, HostedHandler
from dragoman.execution.workers.handlers.turns import Turns
from dragoman.execution.workers.memory import MOST_SLOTS, SharedMemory
from dragoman.execution.workers.records import send_logs

SHAREABLE: Final = ("torch",)  # modules that take long to import, and memory that processes can share


def main(arguments: Sequence[str]) -> int:
    """Be a worker; the arguments are file descriptors that the server opened. The exit code."""
    return work(*map(int, arguments))


def work(link: int, memory: int, lifeline: int) -> int:
    """The same, in a process that is there already."""
    end_with_server(lifeline)
    channel = Channel(socket.socket(fileno=link))
    send_logs(channel)
    load = channel.receive(TO_WORKER)
    if not isinstance(load, Load):
        return 2
    model = loaded(load, channel)
    if model is None:
        return 1
    slots = max(1, min(model.concurrency, MOST_SLOTS))
    imported = [module for module in SHAREABLE if module in sys.modules]
    channel.send(Ready(dict(model.signatures), slots, imported))
    if isinstance(model, HostedHandler):
        model.measuring.connect(lambda measured: channel.send(Measured(measured)))
    if isinstance(model, HostedHandler) and slots == 1:
        Turns(model, channel, SharedMemory(memory)).serve()
    else:
        Calls(model, channel, SharedMemory(memory), slots).serve()
    model.close()
    return 0


def end_with_server(lifeline: int) -> None:
    """Have the kernel end this process when the server's end of this pipe closes.

    It works whatever runs here at that moment, even code that holds the interpreter. The signal that asks for
    a parent's death would not do: it comes when the thread ends that started this process.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)  # SIGIO ends it


def loaded(load: Load, channel: Channel) -> LoadedModel | HostedHandler | None:
    """The model; where it does not load the server is told why."""
    artifact = load.artifact
    try:
        limit = artifact.settings.worker.memory_bytes
        if limit:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        if artifact.python.packages:
            sys.path.insert(0, artifact.python.packages)
        return find_engine(load.engine)().load(artifact, load.options)
    except DragomanError as error:
        channel.send(Failed(error.code, error.message))
    except (Exception, SystemExit):
        structlog.get_logger("dragoman.worker").exception("load failed")
        message = (
            f"model {artifact.model} version {artifact.version} does not load; the server's log tells more"
        )
        channel.send(Failed(Code.INTERNAL, message))
    return None


def find_engine(where: str) -> Callable[[], Engine | HandlerHost]:
    """The class that loads the model, `module:name`: an engine, or what hosts a handler."""
    module, _, name = where.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    engine: Callable[[], Engine | HandlerHost] = found
    return engine


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
