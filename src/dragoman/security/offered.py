"""What a caller sends to prove who it is: `Authorization: Basic` and `Bearer`, and `X-API-Key`."""

import base64
import binascii
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from msgspec import Struct

from dragoman.core.errors import Code, DragomanError

AUTHORIZATION: Final = b"authorization"
API_KEY: Final = b"x-api-key"
NAMES: Final = frozenset((AUTHORIZATION, API_KEY))
LENGTHS: Final = frozenset(map(len, NAMES))
Header = tuple[bytes, bytes]


class Password(Struct, frozen=True):
    """A user name and a password. Never printed."""

    username: str
    password: bytes

    def __repr__(self) -> str:
        return f"Password({self.username!r})"


class Token(Struct, frozen=True):
    """A token, by its SHA-256 digest."""

    digest: bytes


def find_offered(headers: Iterable[Header]) -> list[Header]:
    """The headers that tell who calls, their names in lower case."""
    return [
        (lower, value) for name, value in headers if len(name) in LENGTHS and (lower := name.lower()) in NAMES
    ]


def read_offered(found: Sequence[Header]) -> Password | Token:
    """What these headers hold; `Authorization` goes before `X-API-Key`.

    Errors: UNAUTHENTICATED saying what is wrong with the header, without repeating it.
    """
    values = [value for name, value in found if name == AUTHORIZATION]
    if len(values) > 1:
        raise malformed("there is more than one Authorization header")
    if not values:
        return Token(token_digest(found[0][1].strip()))
    scheme, _, rest = values[0].strip().partition(b" ")
    kind = scheme.lower()
    if kind == b"basic":
        return read_basic(rest.strip())
    if kind == b"bearer":
        return Token(token_digest(rest.strip()))
    raise malformed("the Authorization header's scheme is not Basic or Bearer")


def read_basic(encoded: bytes) -> Password:
    """User name and password of RFC 7617."""
    try:
        username, colon, password = base64.b64decode(encoded, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        raise malformed("the Authorization header's credentials are not base64") from None
    if not colon:
        raise malformed("the Authorization header's credentials are not user:password")
    return Password(as_text(username), as_text(password).encode())


def as_text(text: bytes) -> str:
    """UTF-8, as the challenge asks for; else Latin-1, which some clients send nevertheless."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def token_digest(token: bytes) -> bytes:
    """What is kept of a token. It is long and random, so that a plain hash of it cannot be reversed."""
    return sha256(token).digest()


def malformed(message: str) -> DragomanError:
    """The error for a header that cannot be read."""
    return DragomanError(Code.UNAUTHENTICATED, message)
