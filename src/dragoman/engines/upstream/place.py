"""Where another server is: `http(s)://host[:port][/prefix]`, or a Unix socket of this machine."""

import socket
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from dragoman.core.errors import invalid

PORTS: Final = {"http": 80, "https": 443}
FORM: Final = "http(s)://host[:port][/path]"
LONGEST: Final = 2048

# The family and address of every place that a host is at. It blocks, and raises OSError where there is none,
# and DragomanError where no such place may be reached.
Resolve = Callable[[str, int], Sequence[tuple[int, Any]]]


class Place(Struct, frozen=True):
    """A server. `socket` = the path of its Unix socket; empty = host and port are connected to."""

    host: str = "localhost"
    port: int = 80
    prefix: str = ""  # of every path, without a slash at its end
    is_secure: bool = False
    socket: str = ""

    @property
    def authority(self) -> str:
        """Host and port as HTTP's header has them; a port that is the usual one is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = PORTS["https" if self.is_secure else "http"]
        return host if self.port == usual else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port, the usual port left out."""
        return f"{'https' if self.is_secure else 'http'}://{self.authority}"


def parse_place(url: str) -> Place:
    """The server that a URL names.

    Errors: INVALID_ARGUMENT saying what is wrong, without a password.
    """
    if not (url.isascii() and url.isprintable()) or {" ", "\\"} & set(url) or len(url) > LONGEST:
        raise invalid(f"a URL has no blanks and nothing but ASCII: write {FORM}")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise invalid(f"this is no URL: {error}; write {FORM}") from None
    if "@" in parts.netloc:
        raise invalid("a URL has no user and no password here: write the key under key")
    if parts.scheme not in PORTS or not host or port == 0:
        raise invalid(f"{url!r} is no server's URL: write {FORM}")
    if parts.query or parts.fragment:
        raise invalid(f"a server's URL has no '?' and no '#': write {FORM}")
    return Place(host, port or PORTS[parts.scheme], parts.path.rstrip("/"), parts.scheme == "https")


def socket_place(path: str, prefix: str = "") -> Place:
    """The server behind a Unix socket."""
    return Place(prefix=prefix, socket=path)


def resolve_anything(host: str, port: int) -> Sequence[tuple[int, Any]]:
    """Every place that a host is at, whatever it is: for hosts that this server has chosen itself."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(int(family), address) for family, _, _, _, address in found]
