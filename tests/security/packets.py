"""Counts the packets that URLs cause, in a network of its own: `unshare --map-root-user --net python -m ...`.

Prints, as JSON, how many all the hostile ones sent, and how many one did that is allowed.
"""

import fcntl
import json
import socket
import struct
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from dragoman.core.control import Register
from dragoman.core.errors import DragomanError
from tests.security.site import Site, mar
from tests.security.test_urls import HOSTILE, Place

SET_FLAGS: Final = 0x8914  # SIOCSIFFLAGS of linux/sockios.h
IS_UP: Final = 1
SENT_PACKETS: Final = 9  # the column of /proc/net/dev, behind the interface's name


def start_loopback() -> None:
    """Let packets go from this machine to itself, so that there is something to count."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh14x", b"lo", IS_UP))


def sent() -> int:
    """The packets that all interfaces have sent so far."""
    lines = Path("/proc/net/dev").read_text().splitlines()[2:]
    return sum(int(line.split(":")[1].split()[SENT_PACKETS]) for line in lines)


def main() -> None:
    """Count."""
    start_loopback()
    with tempfile.TemporaryDirectory() as folder, Site().open() as site:
        place = Place(Path(folder))
        hostile, allowed = place.arrivals(), place.arrivals(["127.0.0.1/32"])
        before = sent()
        for url in HOSTILE:
            with suppress(DragomanError):
                hostile.take(Register(url))
        between = sent()
        site.give("/a.mar", mar())
        allowed.take(Register(f"{site.url}/a.mar"))
        print(json.dumps({"hostile": between - before, "allowed": sent() - between}))
        hostile.close()
        allowed.close()


if __name__ == "__main__":
    main()
