"""Where a server is: `http(s)://host:port[/prefix]` or `grpc(s)://host:port`."""

from typing import Final
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from dragoman.client.errors import InvalidInput

PORTS: Final = {"http": 80, "https": 443, "grpc": 8001, "grpcs": 8001}
FORMS: Final = "http(s)://host:port[/prefix] or grpc(s)://host:port"


class Address(Struct, frozen=True):
    """A server's address, taken apart. `username` and `password` are what the address itself carried."""

    scheme: str
    host: str
    port: int
    prefix: str
    username: str | None
    password: str | None

    @property
    def is_grpc(self) -> bool:
        """Whether gRPC is spoken there."""
        return self.scheme.startswith("grpc")

    @property
    def is_secure(self) -> bool:
        """Whether TLS is spoken there."""
        return self.scheme.endswith("s")

    @property
    def authority(self) -> str:
        """Host and port, as HTTP's Host header and gRPC have it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """The address for messages: without a password."""
        return f"{self.scheme}://{self.authority}{self.prefix}"


def parse_address(url: str) -> Address:
    """The address that a URL names.

    Errors: InvalidInput saying what is wrong, without repeating a password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidInput(f"that is no server's address: {error}; give {FORMS}") from None
    if parts.scheme not in PORTS or not host:
        raise InvalidInput(f"{parts.netloc.rpartition('@')[2] or url!r} is no server's address: give {FORMS}")
    if parts.query or parts.fragment:
        raise InvalidInput(f"a server's address has no '?' and no '#': give {FORMS}")
    prefix = parts.path.rstrip("/")
    if not (url.isascii() and url.isprintable() and " " not in url):
        raise InvalidInput(f"a server's address has no blanks and nothing but ASCII: give {FORMS}")
    if prefix and parts.scheme.startswith("grpc"):
        raise InvalidInput(f"gRPC has no prefixes, and {prefix!r} is one: give {FORMS}")
    username = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    return Address(
        parts.scheme, host, PORTS[parts.scheme] if port is None else port, prefix, username, password
    )
