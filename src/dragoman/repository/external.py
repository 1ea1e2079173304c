"""Models of other servers: which of them there are, and whether and how their servers may be called."""

import ipaddress
import socket
from collections.abc import Sequence
from functools import partial
from typing import Any

import structlog
from msgspec import Struct

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.base import Reach
from dragoman.security.secret_files import SecretReader
from dragoman.security.urls import IPNetwork, may_be_reached, read_networks
from dragoman.security.watched import Stamp, stamp
from dragoman.settings.access import SecretSettings
from dragoman.settings.external import ExternalRules, ExternalSettings, KeySettings, origin_of


class ExternalPlace(Struct, frozen=True):
    """A model's server, and which servers there may be."""

    settings: ExternalSettings
    rules: ExternalRules


class Key:
    """A key from where the settings say it is; a file is read again when it has changed."""

    def __init__(self, settings: KeySettings) -> None:
        self._settings = SecretSettings(file=settings.file, env=settings.env)
        self._file = settings.file
        self._stamp: Stamp | None = None
        self._value = ""

    def __call__(self) -> str:
        """The key; one that cannot be read any more stays as it was.

        Errors: FAILED_PRECONDITION, or NOT_FOUND for a file that is not there; which one, the cause says.
        """
        found = None if self._file is None else stamp(self._file)
        if self._value and found == self._stamp:
            return self._value
        try:
            self._value = SecretReader().secret(self._settings, "external.key").strip()
        except DragomanError as error:
            if not self._value:
                code = Code.NOT_FOUND if error.code is Code.NOT_FOUND else Code.FAILED_PRECONDITION
                message = "external.key: the file or variable is not there, is empty or cannot be read"
                raise DragomanError(code, message) from error
            log = structlog.get_logger("dragoman.repository")
            log.warning("a key cannot be read again, and stays as it was", why=error.message)
        self._stamp = found
        return self._value


def no_key() -> str:
    """No key."""
    return ""


def reach(place: ExternalPlace) -> Reach:
    """The ways to a model's server.

    Errors: PERMISSION_DENIED for an origin that is not allowed; those of a key.
    """
    settings, rules = place.settings, place.rules
    origin = origin_of(settings.url)
    allowed = {origin_of(one) for one in rules.origins}
    if origin is None or origin not in allowed:
        message = f"external.url: {origin or 'this'} is none of the server's external.origins"
        raise DragomanError(Code.PERMISSION_DENIED, message)
    key = no_key if settings.key is None else Key(settings.key)
    key()  # now, so that what is wrong with it is told while the model loads
    return Reach(settings, key, partial(places_of, read_networks(rules.networks)))


def places_of(networks: Sequence[IPNetwork], host: str, port: int) -> list[tuple[int, Any]]:
    """The family and address of every place that a host is at; each is public, allowed, or the host itself.

    Errors: UNAVAILABLE for one that is not; OSError where a name leads nowhere.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    places = []
    for family, _, _, _, place in found:
        text = str(place[0]).partition("%")[0]
        # Who lists an address as an origin has allowed it; a name may lead elsewhere tomorrow.
        if text != host and not may_be_reached(ipaddress.ip_address(text), networks):
            log = structlog.get_logger("dragoman.repository")
            log.warning("an address is not public", host=host, address=text)
            raise DragomanError(
                Code.UNAVAILABLE,
                f"{host} leads to an address that is not public; external.networks can allow it",
            )
        places.append((int(family), place))
    return places
