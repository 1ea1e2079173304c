"""One version and its life. `TRANSITIONS` is the whole of it; any other move is a defect and raises."""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec.structs import replace

from dragoman.core.configuration import ModelConfiguration
from dragoman.core.status import PIPELINE, Cause, State, VersionStatus
from dragoman.engines.base import TreeSnapshot
from dragoman.repository.handle import Handle
from dragoman.repository.policy import VersionSnapshot
from dragoman.repository.source import Candidate

TRANSITIONS: Final[Mapping[State, frozenset[State]]] = {
    State.NEW: frozenset({State.LOADING, State.GONE}),
    State.LOADING: frozenset({State.READY, State.FAILED}),
    State.READY: frozenset({State.QUIESCING}),
    State.QUIESCING: frozenset({State.QUIESCED}),  # when the last request that holds it ends
    State.QUIESCED: frozenset({State.UNLOADING}),
    State.UNLOADING: frozenset({State.GONE}),
    State.FAILED: frozenset({State.GONE}),
    State.GONE: frozenset(),  # a version that comes back is a new harness
}
LEAVING: Final = frozenset({State.QUIESCING, State.QUIESCED, State.UNLOADING, State.GONE})
SETTLED: Final = frozenset({State.READY, State.FAILED, State.GONE})  # nothing is under way


class IllegalMoveError(RuntimeError):
    """A version was moved to a state that does not follow its own."""


class VersionHarness:
    """Holds one version: what to load, its state, and the handle while it serves.

    `generation` counts how often this version was loaded anew; `tree` is what lay in its folder when it was.
    """

    def __init__(
        self, candidate: Candidate, changed: Callable[["VersionHarness"], None], generation: int = 0
    ) -> None:
        self.candidate = candidate
        self.generation = generation
        self.tree: TreeSnapshot | None = None
        self.state = State.NEW
        self.aspired = True
        self.dismissed = False
        self.engine: str | None = None if candidate.pipeline is None else PIPELINE
        self.configuration: ModelConfiguration | None = None
        self.handle: Handle | None = None
        self.cause: Cause | None = None
        self.doing = ""
        self.loaded_at_s: float | None = None
        self._changed = changed

    def move(self, to: State) -> None:
        """Go to another state and tell whoever watches.

        Errors: IllegalMoveError where TRANSITIONS does not allow it.
        """
        if to not in TRANSITIONS[self.state]:
            name = f"{self.candidate.model} version {self.candidate.version}"
            raise IllegalMoveError(f"{name} cannot go from {self.state.value} to {to.value}")
        self.state = to
        self._changed(self)

    def tell(self, doing: str) -> None:
        """What a load does that takes minutes."""
        if self.state is State.LOADING:
            self.doing = doing
            self._changed(self)

    def ready(
        self, handle: Handle, engine: str, configuration: ModelConfiguration | None, at_s: float
    ) -> None:
        """The version is loaded and serves."""
        self.handle, self.engine, self.configuration = handle, engine, configuration
        self.loaded_at_s = at_s
        self.move(State.READY)

    def failed(self, cause: Cause) -> None:
        """The version could not be loaded."""
        self.cause = cause
        self.move(State.FAILED)

    def gone(self) -> None:
        """Nothing of the version is left in memory."""
        self.handle = self.configuration = None
        self.move(State.GONE)

    def is_outdated(self, candidate: Candidate, retry_failed: bool) -> bool:
        """Whether the version has to be loaded anew to be what is wanted now."""
        if self.state in LEAVING or (retry_failed and self.state is State.FAILED):
            return True
        known_files = (None, self.tree, self.candidate.tree)
        own = replace(self.candidate, tree=candidate.tree)
        return candidate != own or candidate.tree not in known_files

    @property
    def is_closing(self) -> bool:
        """Whether the version goes, and no request holds it any more."""
        held = self.handle is not None and self.handle.pins > 0
        return self.state in LEAVING - {State.GONE} and not (self.state is State.QUIESCING and held)

    @property
    def size_bytes(self) -> int:
        """What the version's files take on disk."""
        return sum(stat.size for stat in self.tree.files.values()) if self.tree is not None else 0

    @property
    def snapshot(self) -> VersionSnapshot:
        """What a policy sees."""
        return VersionSnapshot(
            self.candidate.version, self.state, self.aspired, self.generation, self.dismissed
        )

    @property
    def status(self) -> VersionStatus:
        """What callers are told."""
        return VersionStatus(
            version=self.candidate.version,
            state=self.state,
            engine=self.engine,
            cause=self.cause,
            doing=self.doing if self.state is State.LOADING else "",
            signatures=self.handle.signatures if self.handle is not None else {},
            loaded_at_s=self.loaded_at_s,
            statistics=self.handle.statistics if self.handle is not None else None,
            configuration=self.configuration,
            workers=self.handle.workers if self.handle is not None else None,
            measures=self.handle.measures if self.handle is not None else None,
            texts=self.handle.texts if self.handle is not None else None,
            trouble=self.handle.trouble if self.handle is not None else None,
            name=self.handle.version_name if self.handle is not None else self.candidate.version_name,
            origin=self.candidate.origin or self.candidate.shown,
            path=self.candidate.path,
            registered=bool(self.candidate.origin),
        )
