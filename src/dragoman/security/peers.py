"""Addresses of clients, as transports give them: `host`, `host:port` or `[host]:port`."""

from ipaddress import IPv4Address, IPv6Address, ip_address


def address_of(peer: str) -> IPv4Address | IPv6Address | None:
    """The address, without port and zone; None for a peer that has none, such as a Unix socket's."""
    host = peer.rsplit("]", 1)[0].lstrip("[") if peer.startswith("[") else peer
    if host.count(":") == 1:
        host = host.split(":", 1)[0]
    try:
        address = ip_address(host.split("%", 1)[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(peer: str) -> bool:
    """Whether this peer is on this machine."""
    address = address_of(peer)
    return address is not None and address.is_loopback


def network_of(peer: str) -> str:
    """Whose doings are counted together: an address; of IPv6 its /64, the least a provider gives away."""
    address = address_of(peer)
    if isinstance(address, IPv6Address):
        return str(IPv6Address(int(address) >> 64 << 64))
    return peer if address is None else str(address)
