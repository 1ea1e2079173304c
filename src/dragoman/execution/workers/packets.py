"""The packets between the server and the template process that workers are forked from.

Each is one packet of a Unix socket, with the file descriptors that belong to it: see docs/worker-protocol.md.
"""

import array
import socket
from collections.abc import Sequence
from typing import Final

from msgspec import Struct, msgpack

MOST_BYTES: Final = 64 * 1024
GIVEN: Final = 4  # file descriptors of a worker


class Fork(Struct, frozen=True, tag=True):
    """Server: be forked. With it come link, memory, lifeline and output of a new worker.

    `threads` = with how many it computes; `title` = what it is called in lists of processes.
    """

    threads: int
    title: str


class Import(Struct, frozen=True, tag=True):
    """Server: import these modules for all workers to come."""

    modules: list[str]


class Reap(Struct, frozen=True, tag=True):
    """Server: a worker has ended; tell how."""

    pid: int


class Forked(Struct, frozen=True, tag=True):
    """Template: there it is. With it comes a file descriptor that refers to the process."""

    pid: int


class Imported(Struct, frozen=True, tag=True):
    """Template: done. `problem` not empty = why this process must not be forked any more."""

    problem: str = ""


class Reaped(Struct, frozen=True, tag=True):
    """Template: its exit code, or minus the number of the signal. None = there was no such worker."""

    status: int | None


class Refused(Struct, frozen=True, tag=True):
    """Template: the system refused, and why."""

    error: int


ToTemplate = Fork | Import | Reap
FromTemplate = Forked | Imported | Reaped | Refused
TO_TEMPLATE: Final = msgpack.Decoder(ToTemplate)
FROM_TEMPLATE: Final = msgpack.Decoder(FromTemplate)
ENCODER: Final = msgpack.Encoder()


def send(link: socket.socket, message: ToTemplate | FromTemplate, descriptors: Sequence[int] = ()) -> None:
    """Send one packet.

    Errors: OSError.
    """
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    link.sendmsg([ENCODER.encode(message)], rights)


def receive(link: socket.socket, most_descriptors: int) -> tuple[bytes, list[int]]:
    """The next packet and what comes with it; an empty one where the other side has ended.

    Errors: OSError.
    """
    packet, descriptors, _, _ = socket.recv_fds(link, MOST_BYTES, most_descriptors, socket.MSG_CMSG_CLOEXEC)
    return packet, descriptors
