"""The models in memory: the only map of them that changes.

The source says what is wanted, the policy says what to do next, a harness holds each version, a lifecycle
carries it out. All steps are taken on the event loop's thread; reading the disk, loading and closing go to
threads. Requests see `ModelRoute` tables that are exchanged whole, so `pin` takes no lock.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from dragoman.core.control import (
    ControlResult,
    Registration,
    ReplaceModels,
    RepositoryControl,
    Scale,
)
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.requests import Target
from dragoman.core.status import State, StatusReport, VersionStatus
from dragoman.repository.brought import NOTHING, Brought
from dragoman.repository.clock import Clock
from dragoman.repository.control import Control
from dragoman.repository.entry import check_available
from dragoman.repository.handle import Handle, Scalable
from dragoman.repository.harness import VersionHarness
from dragoman.repository.lifecycle import Lifecycle, MakeRunner, WarmUp, no_warm_up
from dragoman.repository.loader import ModelLoader
from dragoman.repository.registrar import Registrar
from dragoman.repository.retries import LoadRules
from dragoman.repository.revival import Revival
from dragoman.repository.routing import refusal
from dragoman.repository.settling import Settled, Settling, Standing
from dragoman.repository.source import VersionSource, with_files
from dragoman.repository.stability import StabilityRules
from dragoman.repository.substitutes import Substitutes
from dragoman.repository.table import ModelTable, Observer
from dragoman.repository.turns import Turns
from dragoman.repository.wishes import Wishes

Goal = Callable[[StatusReport], bool]
REAL_CLOCK: Final = Clock()


class Rules(Struct, frozen=True):
    """How versions are loaded, and when a folder that polling finds may be.

    `patience_s`: how long a request for control waits for old versions to go, once the new ones are loaded.
    A streamed answer may hold its version for an hour. `strict`: the server is ready if every model is.
    """

    loading: LoadRules = LoadRules()
    stability: StabilityRules = StabilityRules()
    patience_s: float = 10.0
    strict: bool = False


USUAL_RULES: Final = Rules()


def unobserved(model: str, version: VersionStatus) -> None:
    """The observer where nobody watches."""


class ModelManager:
    """Loads, serves and unloads versions."""

    def __init__(
        self,
        source: VersionSource,
        loader: ModelLoader,
        make_runner: MakeRunner,
        *,
        observer: Observer = unobserved,
        warm_up: WarmUp = no_warm_up,
        brought: Brought = NOTHING,
        rules: Rules = USUAL_RULES,
        clock: Clock = REAL_CLOCK,
    ) -> None:
        self._source = source
        self._listed = brought.listed
        self._settling = Settling(rules.stability, loader.required, clock.now)
        self._lifecycle = Lifecycle(loader, make_runner, warm_up, rules.loading, clock.sleep)
        self._substitutes = Substitutes(brought.uploaded, self._lifecycle.in_thread)
        self._patience_s = rules.patience_s
        self._table = ModelTable(self._lifecycle, self._substitutes, observer, strict=rules.strict)
        self._board = self._table.board
        turns = Turns()
        self._control = Control(self._table, self._substitutes, self._look, turns, self._patience_s)
        self._registrar = Registrar(
            self._table,
            turns,
            brought.registered,
            brought.discard,
            enabled=brought.registers,
            patience_s=self._patience_s,
        )
        self._looking = asyncio.Lock()
        self._sleep = clock.sleep

    def pin(self, target: Target) -> Handle:
        """The version that is meant, held until `handle.release()`.

        Errors: NOT_FOUND with a reason of NO_MODEL or NO_VERSION or LABEL_UNKNOWN; UNAVAILABLE with one of
        NOT_READY, whose message tells states and causes.
        """
        route = self._board.routes.get(target.model)
        if route is not None:
            unnamed = target.version is None and target.label is None and target.version_name is None
            handle = route.default if unnamed else route.find(target)
            if handle is not None:
                handle.pins += 1
                return handle
        entry = self._table.entries.get(target.model)
        if entry is None:
            raise refusal(target, None)
        meant = Target(target.model) if entry.any_version else target
        raise refusal(meant, entry.status, removed=not entry.known)

    @property
    def serving(self) -> Iterator[Handle]:
        """Every version that serves."""
        for route in self._board.routes.values():
            yield from route.versions.values()

    @property
    def report(self) -> StatusReport:
        """The state of every model. Built once after each change."""
        return self._board.report

    async def changed(self) -> None:
        """Wait until the report is another."""
        await self._board.next_change()

    async def start(self) -> StatusReport:
        """Load all that is wanted, several models at once, and wait until each serves or has failed.

        Errors: DragomanError where the repository itself cannot be read.
        """
        return await self.reconcile()

    async def reconcile(self) -> StatusReport:
        """Bring the models to what the source wants now, and wait until nothing is under way."""
        await self._look()
        await self._table.rest(self._table.entries.values(), None)
        return self.report

    async def take_source(self, source: VersionSource) -> StatusReport:
        """Serve what another source wants; what operators asked for until now is forgotten.

        Errors: DragomanError where it cannot say what it wants; then everything stays as it is.
        """
        async with self._looking:
            aspired = await self._lifecycle.in_thread(source.aspired)
            self._source = source
            self._table.adopt(aspired, aspired.models.keys() | self._table.entries.keys())
            for entry in self._table.entries.values():
                entry.wish(Wishes())
                self._table.act(entry)
        await self._table.rest(self._table.entries.values(), self._patience_s)
        return self.report

    async def poll(self) -> bool:
        """Begin on what has changed and come to rest since the last poll; whether something has yet to.

        Errors: DragomanError where the source cannot say what it wants; then everything stays as it is.
        """
        async with self._looking:
            standing = {name: entry.standing for name, entry in self._table.entries.items()}
            settled = await self._lifecycle.in_thread(self._polled, standing)
            names = settled.aspired.models.keys() | self._table.entries.keys()
            self._table.adopt(settled.aspired, names - settled.untouched)
        self._table.warn()
        return settled.restless

    async def revive(self) -> None:
        """Load models of other servers that failed as soon as these answer, until this is cancelled."""
        await Revival(self._table, self._lifecycle, self._sleep).run()

    async def control(self, request: RepositoryControl) -> ControlResult:
        """Do what an operator asks, and wait until it is done; versions that failed before are tried again.

        What is to go and is held by requests is waited for a while only. A reload also loads anew what has
        changed in place.
        Errors: NOT_FOUND for a model or version that is not there; FAILED_PRECONDITION for a label of a
        version that is not loaded, or for workers of one that has none; where a version that was to be
        loaded fails, or a worker of it, its cause.
        """
        if isinstance(request, ReplaceModels):
            before = self.report
            await self.take_source(self._listed(request, before))
            check_available([self._table.entries[model.name] for model in request.models])
            return ControlResult(self.report, changed=self.report != before)
        if isinstance(request, Scale):
            return await self._scale(request)
        if isinstance(request, Registration):
            return await self._registrar.carry_out(request)
        return await self._control.carry_out(request)

    async def _scale(self, request: Scale) -> ControlResult:
        """Give a version other numbers of workers; one that is being loaded, once it is.

        Errors: those of `pin`; INVALID_ARGUMENT; FAILED_PRECONDITION for a version without workers; why one
        of them does not load it, where that is waited for.
        """
        if not 0 <= request.minimum <= request.maximum:
            raise invalid(f"from {request.minimum} to {request.maximum} workers: the first has to be less")
        coming = self._coming(request)
        if coming is None:
            await self._scaled(request)
        else:
            work = self._table.begin(self._scale_loaded(request, coming))
            work.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            if request.waits:
                await asyncio.shield(work)
        result = ControlResult(self.report, changed=True, model=request.model, workers=request.minimum)
        return replace(result, pending=not request.waits, version_name=request.version_name or "")

    async def _scale_loaded(self, request: Scale, coming: VersionHarness) -> None:
        while coming.state in (State.NEW, State.LOADING):
            await self._board.next_change()
        await self._scaled(request)

    async def _scaled(self, request: Scale) -> None:
        runner = self._scalable(request)
        runner.scale(request.minimum, request.maximum)
        self._board.publish(self._table.entries[request.model])  # whoever writes down how many there are
        if request.waits:
            await runner.settled()

    def _coming(self, request: Scale) -> VersionHarness | None:
        """The version that is meant, where it is on its way."""
        entry = self._table.entries.get(request.model)
        if entry is None or not entry.known:
            return None
        status = entry.status
        version = status.usual
        if request.version is not None:
            version = status.version(request.version)
        elif request.version_name is not None:
            version = status.named(request.version_name)
        found = None if version is None else entry.shown.get(version.version)
        return found if found is not None and found.state in (State.NEW, State.LOADING) else None

    def _scalable(self, request: Scale) -> Scalable:
        """What runs the version that is meant.

        Errors: those of `pin`; FAILED_PRECONDITION.
        """
        handle = self.pin(Target(request.model, request.version, version_name=request.version_name))
        handle.release()
        if not isinstance(handle.runner, Scalable):
            message = f"model {handle.model} version {handle.version} has no workers to scale"
            raise DragomanError(Code.FAILED_PRECONDITION, message)
        return handle.runner

    async def wait_until(self, goal: Goal, timeout_s: float) -> StatusReport:
        """The first report that meets the goal.

        Errors: DEADLINE_EXCEEDED.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not goal(self.report):
                    await self._board.next_change()
        except TimeoutError:
            message = f"the models did not reach the wanted state within {timeout_s:g} s"
            raise DragomanError(Code.DEADLINE_EXCEEDED, message) from None
        return self.report

    async def close(self, grace_s: float = 5.0) -> None:
        """Unload everything; what requests hold longer than `grace_s` is left to the end of the process."""
        await self._table.close(grace_s)
        self._substitutes.close()
        self._lifecycle.close()

    async def _look(self, model: str | None = None, *, files: bool = False) -> None:
        """Ask the source what it wants, and start on it; of one model, or of all.

        `files`: also look at those of the versions that are there, for changes in place.
        """
        async with self._looking:
            aspired = await self._lifecycle.in_thread(self._source.aspired)
            names = aspired.models.keys() | self._table.entries.keys()
            names = names if model is None else names & {model}
            if files:
                known = self._table.entries
                versions = {name: known[name].newest.keys() for name in names & known.keys()}
                aspired = await self._lifecycle.in_thread(with_files, aspired, versions)
            self._table.adopt(aspired, names)

    def _polled(self, standing: Mapping[str, Standing]) -> Settled:
        return self._settling.admit(self._source.aspired(), standing)
