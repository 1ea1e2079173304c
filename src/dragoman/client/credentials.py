"""Who the client says it is, and further headers: HTTP's, and gRPC's metadata alike."""

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Final

from dragoman.client.address import Address
from dragoman.client.errors import InvalidInput

Headers = tuple[tuple[str, str], ...]

NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# What the client itself says; a second one would make two requests of one.
RESERVED: Final = frozenset(
    {"connection", "content-length", "host", "inference-header-content-length", "transfer-encoding"}
)


def credential_headers(
    address: Address,
    *,
    token: str | None,
    username: str | None,
    password: str | None,
    api_key: str | None,
) -> Headers:
    """The header that proves who calls: at most one. The arguments go before what the address carries.

    Errors: InvalidInput for more than one kind of proof.
    """
    given = {"token": token, "username": username, "api_key": api_key}
    kinds = [kind for kind, value in given.items() if value is not None]
    if len(kinds) > 1:
        raise InvalidInput(f"give one of {' and '.join(kinds)}, not both")
    if password is not None and username is None:
        raise InvalidInput("a password needs a username")
    if token is not None:
        return checked_headers({"authorization": f"Bearer {token}"})
    if api_key is not None:
        return checked_headers({"x-api-key": api_key})
    if username is None:
        username, password = address.username, address.password
    if username is None:
        return ()
    if ":" in username:
        raise InvalidInput("a username has no colon")
    pair = b64encode(f"{username}:{password or ''}".encode()).decode()
    return (("authorization", f"Basic {pair}"),)


def checked_headers(headers: Mapping[str, str]) -> Headers:
    """The caller's own headers, their names in lower case.

    Errors: InvalidInput for names and values that no header can have, and for those that are the client's.
    """
    for name, value in headers.items():
        if not NAME.fullmatch(name):
            raise InvalidInput(f"{name!r} is no header's name")
        if name.lower() in RESERVED:
            raise InvalidInput(f"the header {name!r} is for the client to set")
        if not VALUE.fullmatch(value):
            raise InvalidInput(f"the value of the header {name!r} holds what no header can")
    return tuple((name.lower(), value.strip()) for name, value in headers.items())
