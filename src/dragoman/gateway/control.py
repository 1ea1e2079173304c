"""Who may change what is served: this machine, unless the settings open it."""

from ipaddress import ip_address

from dragoman.core.errors import Code, DragomanError
from dragoman.wire.messages import WireRequest


def check_control(wire: WireRequest, *, allow_remote: bool) -> None:
    """Let loopback peers through.

    Errors: PERMISSION_DENIED naming the setting that opens control to other peers.
    """
    if allow_remote or is_loopback(wire.peer):
        return
    raise DragomanError(
        Code.PERMISSION_DENIED,
        f"control is closed to {wire.peer or 'this peer'}: it is open to this machine, and to others "
        "only where the server's setting allow_remote_control is true",
    )


def is_loopback(peer: str) -> bool:
    """Whether this peer address (`host`, `host:port` or `[host]:port`) is on this machine."""
    host = peer.rsplit("]", 1)[0].lstrip("[") if peer.startswith("[") else peer
    if host.count(":") == 1:
        host = host.split(":", 1)[0]
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
