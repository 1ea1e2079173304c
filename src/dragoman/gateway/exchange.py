"""One request on its way through the gateway."""

from dragoman.core.access import Permission
from dragoman.core.context import CallContext
from dragoman.gateway.guard import Access
from dragoman.repository.handle import Handle
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import Draft, Operation


class Exchange:
    """What is known of a request so far: the draft once parsed, the handle while a version is pinned.

    `access` None = everyone may do everything.
    """

    __slots__ = ("access", "began_ns", "call", "draft", "handle", "model", "operation", "wire")

    def __init__(self, operation: Operation, wire: WireRequest, call: CallContext, began_ns: int) -> None:
        self.operation = operation
        self.wire = wire
        self.call = call
        self.began_ns = began_ns
        self.draft: Draft | None = None
        self.handle: Handle | None = None
        self.model = ""
        self.access: Access | None = None

    def check(self, model: str) -> None:
        """Let the caller use this model.

        Errors: as `Access.check`.
        """
        if self.access is not None:
            self.access.check(model, Permission.INFER)

    def hold(self, handle: Handle) -> None:
        """Take over a pinned version."""
        self.handle = handle
        self.model = handle.model

    def release(self) -> None:
        """Give the pin back. Doing so again does no harm."""
        handle, self.handle = self.handle, None
        if handle is not None:
            handle.release()
