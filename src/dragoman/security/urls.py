"""From which URLs something may be fetched, and which addresses may be connected to for that.

A URL counts only where an expression of the settings matches all of it. The host is resolved once, every
address that comes of it is judged, and whoever connects does so to such an address and not to the name: a
name that leads elsewhere a moment later does no harm.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from dragoman.core.errors import Code, DragomanError, Reason, invalid

MOST_CHARACTERS: Final = 2048
PLAIN: Final = re.compile(r"[!-\[\]-~]+")  # ASCII without blanks, control codes and the backslash
HOST: Final = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")
PORTS: Final = {"http": 80, "https": 443}
NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[..., Sequence[tuple[Any, ...]]]  # as `socket.getaddrinfo`


def compiled(expressions: Sequence[str]) -> tuple[re.Pattern[str], ...]:
    """Expressions of URLs.

    Errors: INVALID_ARGUMENT for what is none.
    """
    found = []
    for expression in expressions:
        try:
            found.append(re.compile(expression, re.IGNORECASE))
        except re.error as error:
            raise invalid(f"{expression!r} is no regular expression: {error}") from error
    return tuple(found)


def read_networks(texts: Sequence[str]) -> tuple[IPNetwork, ...]:
    """Networks.

    Errors: INVALID_ARGUMENT for what is none.
    """
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as error:
        raise invalid(str(error)) from error


def check_allowed(url: str, allowed: Sequence[re.Pattern[str]]) -> None:
    """Nothing, if one of the expressions matches all of the URL.

    Errors: NOT_FOUND with reason URL_REFUSED, in TorchServe's words.
    """
    plain = len(url) <= MOST_CHARACTERS and PLAIN.fullmatch(url) is not None
    if not (plain and any(expression.fullmatch(url) for expression in allowed)):
        raise refused(f"Given URL {url[:MOST_CHARACTERS]} does not match any allowed URL(s)")


def read_url(url: str) -> SplitResult:
    """The parts of a URL of HTTP.

    Errors: NOT_FOUND with reason URL_REFUSED for one that readers might take for different ones.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError as error:
        raise refused(f"Given URL {url} is none: {error}") from error
    host = parts.netloc.rpartition("@")[2]
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    if "@" in parts.netloc or parts.scheme not in PORTS or not port or HOST.fullmatch(name) is None:
        raise refused(f"Given URL {url} is none of the form http(s)://host[:port]/path")
    return parts


def public_addresses(
    parts: SplitResult, networks: Sequence[IPNetwork], resolve: Resolve = socket.getaddrinfo
) -> list[tuple[int, Any]]:
    """The family and address of every place that the URL's host is at; all of them are public, or allowed.

    Errors: NOT_FOUND with reason URL_REFUSED for one that is not; OSError where the name leads nowhere.
    """
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    found = resolve(host, port, type=socket.SOCK_STREAM)
    places = []
    for family, _, _, _, place in found:
        address = ipaddress.ip_address(str(place[0]).partition("%")[0])
        if not may_be_reached(address, networks):
            raise refused(f"Given URL {parts.geturl()} leads to {address}, which is no public address")
        places.append((int(family), place))
    return places


def may_be_reached(address: IPAddress, networks: Sequence[IPNetwork]) -> bool:
    """Whether an address is public or in one of these networks; one that holds another is as that one."""
    inner = embedded(address)
    if inner is not None:
        return may_be_reached(inner, networks)
    if any(address in network for network in networks):
        return True
    return address.is_global and not address.is_multicast


def embedded(address: IPAddress) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def refused(message: str) -> DragomanError:
    """The error for a place that nothing is fetched from."""
    return DragomanError(Code.NOT_FOUND, message, reason=Reason.URL_REFUSED)
