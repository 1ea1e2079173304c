"""Requests that web pages send."""

from dragoman.core.errors import Code, DragomanError
from dragoman.wire.messages import WireRequest


def check_origin(wire: WireRequest) -> None:
    """Nothing, unless a web page sent this: in a browser here, any page would count as this machine.

    Errors: PERMISSION_DENIED.
    """
    if wire.header(b"origin") is not None:
        raise DragomanError(Code.PERMISSION_DENIED, "models are not loaded or unloaded by web pages")
