"""A pinned version: the thing a request holds from its lookup to its answer."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from msgspec import Struct

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.measures import Measure
from dragoman.core.requests import CoreRequest, Kind
from dragoman.core.responses import Chunk, CoreResponse, PayloadResponse, TensorResponse
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature
from dragoman.core.statistics import Occupancy, TextCounts, VersionStatistics
from dragoman.core.status import Cause, WorkersStatus


class Runner(Protocol):
    """How a version's calls are run; chosen when the version loads. `execution` holds the implementations."""

    def run(
        self, handle: "Handle", request: CoreRequest, signature: Signature, call: CallContext
    ) -> TensorResponse | Awaitable[CoreResponse]:
        """The answer, of the request's kind: tensors at once where it ran inline, else something to await."""

    def stream(
        self, handle: "Handle", request: CoreRequest, signature: Signature, call: CallContext
    ) -> AsyncGenerator[Chunk, None]:
        """The answer in parts."""

    def occupancy(self) -> Occupancy | None:
        """How busy the model is; None = that is for its parts to say. For the event loop's thread only."""

    def close(self) -> None:
        """Close the model and whatever runs it."""


class ChunkSource(Protocol):
    """An answer in parts. Whoever reads it must close it, also where it has not begun."""

    async def __anext__(self) -> Chunk:
        """The next part."""

    async def aclose(self) -> None:
        """Nobody reads on."""


class BegunParts(ChunkSource, Protocol):
    """One that has begun, and can be closed without waiting."""

    def close(self) -> None:
        """Nobody reads on."""


class Begun(Struct, frozen=True):
    """An answer to bodies whose first part is there. `parts` None = it is all; else it is one of them."""

    first: PayloadResponse
    parts: BegunParts | None


@runtime_checkable
class Staffed(Protocol):
    """A runner whose workers come and go, and which tells how they are."""

    def workers(self) -> WorkersStatus:
        """How they are now."""


@runtime_checkable
class Scalable(Staffed, Protocol):
    """One whose workers can be made more and fewer. For the event loop's thread only."""

    def scale(self, minimum: int, maximum: int) -> None:
        """Have at least and at most so many workers from now on."""

    async def settled(self) -> None:
        """Wait until every worker has loaded the model.

        Errors: why one of them did not.
        """


@runtime_checkable
class Measuring(Protocol):
    """A runner of a model whose own code measures something."""

    def measures(self) -> Sequence[Measure]:
        """All that it has measured, as it is now."""


@runtime_checkable
class WritingTexts(Protocol):
    """A runner of a model that writes text."""

    def texts(self) -> TextCounts:
        """How many there are. For the event loop's thread only."""


@runtime_checkable
class Ailing(Protocol):
    """A runner of a model that can fall ill while it is loaded."""

    def trouble(self) -> Cause | None:
        """What is wrong, as far as is known; None = nothing. For the event loop's thread only."""


def nothing() -> None:
    """What is discarded of a version that nothing was made for."""


class Handle:
    """One loaded version with the number of requests that hold it, and the counters of what it does.

    Pins are counted on the event loop's thread only, so no lock is needed. When a version is to be unloaded,
    `when_idle` is called as soon as the count is zero.
    """

    __slots__ = (
        "_default",
        "_discard",
        "_explainer",
        "_when_idle",
        "model",
        "pins",
        "runner",
        "signatures",
        "statistics",
        "version",
        "version_name",
    )

    def __init__(
        self,
        model: str,
        version: int,
        signatures: Mapping[str, Signature],
        runner: Runner,
        version_name: str | None = None,
        discard: Callable[[], None] = nothing,
        statistics: VersionStatistics | None = None,
        explainer: Runner | None = None,
    ) -> None:
        self.model = model
        self.version = version
        self.version_name = version_name
        self.signatures = signatures
        self.runner = runner
        self.pins = 0
        self.statistics = statistics or VersionStatistics()
        self._discard = discard
        self._explainer = explainer
        self._when_idle: Callable[[], None] | None = None
        self._default = default_signature(signatures)

    def signature(self, name: str | None) -> Signature:
        """The signature of that name; None or an empty name = the default one.

        Errors: NOT_FOUND with reason SIGNATURE_UNKNOWN.
        """
        found = self.signatures.get(name) if name else self._default
        if found is None:
            wanted = name or DEFAULT_SIGNATURE
            raise DragomanError(
                Code.NOT_FOUND,
                f"model {self.model} version {self.version} has no signature {wanted!r}; "
                f"it has {', '.join(sorted(self.signatures))}",
                reason=Reason.SIGNATURE_UNKNOWN,
            )
        return found

    def explainer(self) -> Runner:
        """What explains the model's answers; it is run as the model is.

        A model that reads bodies itself is told with them that it shall explain.
        Errors: UNIMPLEMENTED with reason NO_EXPLAINER for a model that has none.
        """
        if self._explainer is not None:
            return self._explainer
        if any(Kind.PAYLOAD in signature.accepts for signature in self.signatures.values()):
            return self.runner
        raise DragomanError(
            Code.UNIMPLEMENTED, f"model {self.model} has no explainer", reason=Reason.NO_EXPLAINER
        )

    @property
    def workers(self) -> Callable[[], WorkersStatus] | None:
        """What tells how the workers are; None = there are none that come and go."""
        return self.runner.workers if isinstance(self.runner, Staffed) else None

    @property
    def measures(self) -> Callable[[], Sequence[Measure]] | None:
        """What tells what the model's own code measures; None = it does not."""
        return self.runner.measures if isinstance(self.runner, Measuring) else None

    @property
    def texts(self) -> Callable[[], TextCounts] | None:
        """What tells how many texts are being written; None = the model writes none."""
        return self.runner.texts if isinstance(self.runner, WritingTexts) else None

    @property
    def trouble(self) -> Callable[[], Cause | None] | None:
        """What tells what is wrong with the model; None = nothing can be while it is loaded."""
        return self.runner.trouble if isinstance(self.runner, Ailing) else None

    def hold(self) -> None:
        """Take one more pin."""
        self.pins += 1

    def release(self) -> None:
        """Give one pin back."""
        self.pins -= 1
        if self.pins == 0 and self._when_idle is not None:
            self._when_idle()

    def close(self) -> None:
        """Close the model, and give back what was made for it alone."""
        try:
            if self._explainer is not None:
                self._explainer.close()
        finally:
            try:
                self.runner.close()
            finally:
                self._discard()

    def quiesce(self, when_idle: Callable[[], None]) -> None:
        """Call `when_idle` once, as soon as nothing holds this version."""
        self._when_idle = when_idle
        if self.pins == 0:
            when_idle()


def default_signature(signatures: Mapping[str, Signature]) -> Signature | None:
    """The one for callers who name none: that of the usual name, else the only one; None = there is none."""
    only = next(iter(signatures.values())) if len(signatures) == 1 else None
    return signatures.get(DEFAULT_SIGNATURE, only)
