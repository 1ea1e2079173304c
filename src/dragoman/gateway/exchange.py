"""One request on its way through the gateway."""

from dragoman.core.context import CallContext
from dragoman.repository.handle import Handle
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import Draft, Operation


class Exchange:
    """What is known of a request so far: the draft once parsed, the handle while a version is pinned."""

    __slots__ = ("began_ns", "call", "draft", "handle", "model", "operation", "wire")

    def __init__(self, operation: Operation, wire: WireRequest, call: CallContext, began_ns: int) -> None:
        self.operation = operation
        self.wire = wire
        self.call = call
        self.began_ns = began_ns
        self.draft: Draft | None = None
        self.handle: Handle | None = None
        self.model = ""

    def hold(self, handle: Handle) -> None:
        """Take over a pinned version."""
        self.handle = handle
        self.model = handle.model

    def release(self) -> None:
        """Give the pin back. Doing so again does no harm."""
        handle, self.handle = self.handle, None
        if handle is not None:
            handle.release()
