"""One request on its way through the gateway."""

from time import perf_counter_ns

from msgspec import Struct

from dragoman.core.access import Permission
from dragoman.core.context import CallContext
from dragoman.core.control import ControlRequest
from dragoman.core.statistics import Run
from dragoman.gateway.guard import Access
from dragoman.repository.handle import Handle
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import Draft, Operation


class Exchange(Struct, eq=False):
    """What is known of a request so far: the draft once parsed, the handle while a version is pinned.

    The draft of a request for control is that request. `access` None = everyone may do everything; `input_ns`
    = the time it took to bind the draft; `tells_id` = the answer has the id, as an error's always has;
    `keyed` = the caller has shown the key that the listener wants.
    """

    operation: Operation
    wire: WireRequest
    call: CallContext
    began_ns: int
    tells_id: bool
    input_ns: int = 0
    draft: Draft | ControlRequest | None = None
    handle: Handle | None = None
    model: str = ""
    version: int | None = None  # once one is found
    run: Run | None = None  # once the model has answered, where its runner measures that
    access: Access | None = None
    keyed: bool = False

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
        self.version = handle.version

    def give_away(self) -> None:
        """Somebody else gives the pin back."""
        self.handle = None

    def succeed(self, run: Run | None, output_ns: int, ended_ns: int) -> None:
        """Count the answered request with its version, and give the pin back."""
        self.run = run
        handle = self.handle
        if handle is not None:
            self.handle = None
            handle.statistics.succeed(run, self.input_ns, output_ns, self.began_ns, ended_ns)
            handle.release()

    def release(self) -> None:
        """Give the pin back. Doing so again does no harm."""
        handle, self.handle = self.handle, None
        if handle is not None:
            handle.release()

    def abandon(self) -> None:
        """Give the pin back where nobody has: the request ended without an answer, which is a failure."""
        if self.handle is not None:
            self.handle.statistics.fail(perf_counter_ns() - self.began_ns)
            self.release()
