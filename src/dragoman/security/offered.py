"""What a caller sends to prove who it is: `Authorization: Basic` and `Bearer`, and `X-API-Key`."""

import base64
import binascii
from hashlib import sha256

from msgspec import Struct

from dragoman.core.errors import Code, DragomanError


class Password(Struct, frozen=True):
    """A user name and a password. Never printed."""

    username: str
    password: bytes

    def __repr__(self) -> str:
        return f"Password({self.username!r})"


class Token(Struct, frozen=True):
    """A token, by its SHA-256 digest."""

    digest: bytes


def read_offered(authorization: bytes | None, api_key: bytes | None) -> Password | Token:
    """What the headers hold; `Authorization` goes before `X-API-Key`.

    Errors: UNAUTHENTICATED saying what is wrong with the header, without repeating it.
    """
    if authorization is None:
        return Token(token_digest((api_key or b"").strip()))
    scheme, _, rest = authorization.strip().partition(b" ")
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
