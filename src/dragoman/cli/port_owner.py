"""Who listens on a TCP port, so that "address in use" can name the culprit.

Linux lists listening sockets in /proc/net/tcp and tcp6 by inode; a process that holds one has a link
`socket:[inode]` below /proc/<pid>/fd. Other users' processes cannot be looked into, and other systems have
no such files: then the owner stays unknown.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

LISTENING: Final = "0A"  # TCP_LISTEN in the state column


class Owner(NamedTuple):
    """A process and its command line."""

    pid: int
    command: str


def port_owner(port: int, proc: Path = Path("/proc")) -> Owner | None:
    """The process that listens on that port, or None where it cannot be found out."""
    inodes = {inode for table in ("tcp", "tcp6") for inode in listening(proc / "net" / table, port)}
    links = {f"socket:[{inode}]" for inode in inodes}
    if not links:
        return None
    for process in proc.glob("[0-9]*"):
        if not links.isdisjoint(open_files(process)):
            return Owner(int(process.name), command_line(process))
    return None


def listening(table: Path, port: int) -> Iterator[str]:
    """Inodes of the sockets of one table that listen on that port."""
    try:
        lines = table.read_text("ascii").splitlines()[1:]
    except OSError:
        return
    for line in lines:
        _, local, _, state, *rest = line.split()
        if state == LISTENING and int(local.rpartition(":")[2], 16) == port:
            yield rest[5]


def open_files(process: Path) -> Iterator[str]:
    """What a process's file descriptors point to; nothing where we may not look, or it has ended."""
    with contextlib.suppress(OSError):
        for link in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                yield str(link.readlink())


def command_line(process: Path) -> str:
    """The process's command line, its arguments parted by blanks."""
    with contextlib.suppress(OSError):
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return ""
