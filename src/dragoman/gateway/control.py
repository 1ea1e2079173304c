"""Who may change what is served: this machine, known callers, or everyone if the settings say so."""

from dragoman.core.errors import Code, DragomanError
from dragoman.gateway.guard import Access
from dragoman.security.peers import is_loopback
from dragoman.wire.messages import WireRequest


def check_control(wire: WireRequest, access: Access | None, *, allow_remote: bool) -> None:
    """Let pass who may change anything at all; `access` None = a server without credentials.

    Errors: PERMISSION_DENIED naming the setting that opens control to other peers; where there are
    credentials, UNAUTHENTICATED or RESOURCE_EXHAUSTED.
    """
    if is_local(wire, allow_remote=allow_remote):
        return
    if access is None:
        raise DragomanError(
            Code.PERMISSION_DENIED,
            f"control is closed to {wire.peer or 'this peer'}: it is open to this machine, and to others "
            "only where the server's setting allow_remote_control is true",
        )
    if access.caller.name is None:
        raise access.caller.refusal()


def is_local(wire: WireRequest, *, allow_remote: bool) -> bool:
    """Whether this peer counts as being on this machine."""
    return allow_remote or is_loopback(wire.peer)
