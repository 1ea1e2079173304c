"""A template process: it has imported what workers of handlers share, and is forked for each of them.

It has one thread whenever it forks. It takes one request after another from the server, each a packet with
the file descriptors that belong to it, and answers each with one packet. A worker is a child of this process,
so this process alone can wait for it, which it does when the server says so: until then the worker's number
is not given to another process. docs/worker-protocol.md lists the packets.
"""

import contextlib
import gc
import importlib
import os
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any, Final

from dragoman.execution.workers.handlers.hosting import mount_layer
from dragoman.execution.workers.main import end_with_server, work
from dragoman.execution.workers.packets import (
    GIVEN,
    TO_TEMPLATE,
    Fork,
    Forked,
    Import,
    Imported,
    Reap,
    Reaped,
    Refused,
    receive,
    send,
)

SHARED: Final = ("ts.service", "ts.torch_handler.vision_handler")  # which imports no torch
THREADS: Final = "OMP_NUM_THREADS"
TASKS: Final = "/proc/self/task"
NAME: Final = "/proc/self/comm"
NAME_CHARACTERS: Final = 15


def main(arguments: Sequence[str]) -> int:
    """Be a template, and in its children a worker; the arguments are descriptors that the server opened."""
    control, lifeline = map(int, arguments)
    end_with_server(lifeline)
    mount_layer()
    link = socket.socket(fileno=control)
    send(link, imported(SHARED))
    given = serve(link)
    if given is None:
        return 0
    os.close(lifeline)
    return work(*given)


def serve(link: socket.socket) -> tuple[int, int, int] | None:
    """Obey until the server is gone. In a child, what a worker is given."""
    while True:
        packet, descriptors = receive(link, GIVEN)
        if not packet:
            return None
        request = TO_TEMPLATE.decode(packet)
        if isinstance(request, Reap):
            send(link, reaped(request.pid))
        elif isinstance(request, Import):
            send(link, imported(request.modules))
        elif fork(link, descriptors):
            link.close()
            return become(request, descriptors)


def fork(link: socket.socket, descriptors: Sequence[int]) -> bool:
    """Have a child, and tell the server of it; true in the child."""
    try:
        pid = os.fork()
    except OSError as error:
        send(link, Refused(error.errno or 0))
        return False
    if not pid:
        return True
    for descriptor in descriptors:
        os.close(descriptor)
    try:
        child = os.pidfd_open(pid)
    except OSError as error:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        send(link, Refused(error.errno or 0))
        return False
    send(link, Forked(pid), [child])
    os.close(child)
    return False


def become(request: Fork, descriptors: Sequence[int]) -> tuple[int, int, int]:
    """Make this child a worker."""
    link, memory, lifeline, output = descriptors
    os.setsid()
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)
    with contextlib.suppress(OSError), open(NAME, "w", encoding="utf-8") as name:
        name.write(request.title[:NAME_CHARACTERS])
    if THREADS not in os.environ:
        os.environ[THREADS] = str(request.threads)
        torch: Any = sys.modules.get("torch")  # which has read it already, where it is there
        if torch is not None:
            torch.set_num_threads(request.threads)
    return link, memory, lifeline


def imported(modules: Sequence[str]) -> Imported:
    """Import the modules, and see whether this process can be forked afterwards.

    Libraries that compute with threads end them before a fork and start them again when they need them: hence
    a child that does nothing, and only then a look at the threads.
    """
    try:
        for module in modules:
            importlib.import_module(module)
    except Exception as error:
        return Imported(f"{type(error).__name__}: {error}")
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    gc.collect()
    gc.freeze()  # what is there already no collection in a child looks at, so that its pages stay shared
    threads = len(os.listdir(TASKS))
    return Imported("" if threads == 1 else f"it has {threads} threads after it has imported {modules}")


def reaped(pid: int) -> Reaped:
    """Wait for a child that has ended."""
    try:
        _, status = os.waitpid(pid, 0)
    except ChildProcessError:
        return Reaped(None)
    return Reaped(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
