"""The models in memory: the only map of them that changes.

The source says what is wanted, the policy says what to do next, a harness holds each version, a lifecycle
carries it out. All steps are taken on the event loop's thread; reading the disk, loading and closing go to
threads. Requests see `ModelRoute` tables that are exchanged whole, so `pin` takes no lock.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Set
from typing import Any, Final, TypeVar

import structlog
from msgspec import Struct

from dragoman.core.control import (
    ControlResult,
    Load,
    ModelControl,
    Reload,
    ReplaceModels,
    RepositoryControl,
    Unload,
)
from dragoman.core.errors import Code, DragomanError
from dragoman.core.override import Override
from dragoman.core.requests import Target
from dragoman.core.status import State, StatusReport, VersionStatus
from dragoman.repository.board import Board
from dragoman.repository.brought import NOTHING, Brought
from dragoman.repository.clock import Clock
from dragoman.repository.entry import ModelEntry, check_available
from dragoman.repository.handle import Handle
from dragoman.repository.harness import SETTLED, VersionHarness
from dragoman.repository.lifecycle import Lifecycle, MakeRunner, WarmUp, no_warm_up
from dragoman.repository.loader import ModelLoader
from dragoman.repository.overriding import Substitute
from dragoman.repository.policy import Move
from dragoman.repository.retries import LoadRules
from dragoman.repository.routing import refusal
from dragoman.repository.settling import Settled, Settling, Standing
from dragoman.repository.source import Aspired, VersionSource, with_files
from dragoman.repository.stability import StabilityRules
from dragoman.repository.substitutes import Substitutes
from dragoman.repository.turns import Turns
from dragoman.repository.wishes import Wishes

Observer = Callable[[str, VersionStatus], None]
Goal = Callable[[StatusReport], bool]
T = TypeVar("T")
REAL_CLOCK: Final = Clock()
LOGGED_AS: Final = {  # INFO where not named
    State.QUIESCING: logging.DEBUG,
    State.QUIESCED: logging.DEBUG,
    State.UNLOADING: logging.DEBUG,
    State.FAILED: logging.ERROR,
}


class Rules(Struct, frozen=True):
    """How versions are loaded, and when a folder that polling finds may be.

    `patience_s`: how long a request for control waits for old versions to go, once the new ones are loaded.
    A streamed answer may hold its version for an hour.
    """

    loading: LoadRules = LoadRules()
    stability: StabilityRules = StabilityRules()
    patience_s: float = 10.0


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
        self._turns = Turns()
        self._patience_s = rules.patience_s
        self._observer = observer
        self._entries: dict[str, ModelEntry] = {}
        self._pipelines: Mapping[str, list[ModelEntry]] = {}  # by each model that they are made of
        self._board = Board()
        self._notes: tuple[str, ...] = ()  # the source's
        self._noted: frozenset[str] = frozenset()  # logged already
        self._tasks: set[asyncio.Task[Any]] = set()
        self._looking = asyncio.Lock()
        self._log = structlog.get_logger("dragoman.repository")

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
        entry = self._entries.get(target.model)
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

    async def start(self) -> StatusReport:
        """Load all that is wanted, several models at once, and wait until each serves or has failed.

        Errors: DragomanError where the repository itself cannot be read.
        """
        return await self.reconcile()

    async def reconcile(self) -> StatusReport:
        """Bring the models to what the source wants now, and wait until nothing is under way."""
        await self._look()
        await self._rest(self._entries.values(), None)
        return self.report

    async def take_source(self, source: VersionSource) -> StatusReport:
        """Serve what another source wants; what operators asked for until now is forgotten.

        Errors: DragomanError where it cannot say what it wants; then everything stays as it is.
        """
        async with self._looking:
            aspired = await self._lifecycle.in_thread(source.aspired)
            self._source = source
            self._adopt(aspired, aspired.models.keys() | self._entries.keys())
            for entry in self._entries.values():
                entry.wish(Wishes())
                self._act(entry)
        await self._rest(self._entries.values(), self._patience_s)
        return self.report

    async def poll(self) -> bool:
        """Begin on what has changed and come to rest since the last poll; whether something has yet to.

        Errors: DragomanError where the source cannot say what it wants; then everything stays as it is.
        """
        async with self._looking:
            standing = {name: entry.standing for name, entry in self._entries.items()}
            settled = await self._lifecycle.in_thread(self._polled, standing)
            names = settled.aspired.models.keys() | self._entries.keys()
            self._adopt(settled.aspired, names - settled.untouched)
        self._warn()
        return settled.restless

    async def control(self, request: RepositoryControl) -> ControlResult:
        """Do what an operator asks, and wait until it is done; versions that failed before are tried again.

        What is to go and is held by requests is waited for a while only. A reload also loads anew what has
        changed in place.
        Errors: NOT_FOUND for a model or version that is not there; FAILED_PRECONDITION for a label of a
        version that is not loaded; where a version that was to be loaded fails, its cause.
        """
        if isinstance(request, ReplaceModels):
            before = self.report
            await self.take_source(self._listed(request, before))
            check_available([self._entries[model.name] for model in request.models])
            return ControlResult(self.report, changed=self.report != before)
        if request.model is None:
            return await self._control(request)
        if isinstance(request, Load) and request.override is not None:
            # Whoever asked may leave meanwhile: what comes of it is kept, or taken back, all the same.
            work = self._begin(self._load_overridden(request, request.override))
            work.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            return await asyncio.shield(work)
        async with self._turns.of(request.model):
            return await self._control(request)

    async def _control(self, request: ModelControl) -> ControlResult:
        """Do what is asked of one model, or of each."""
        before = self.report
        loads = isinstance(request, Load | Reload)
        looks = isinstance(request, Reload) or (isinstance(request, Load) and request.looks)
        await self._look(request.model, files=looks)
        asked = self._asked(request)
        for entry in asked:
            entry.apply(request)
            self._act(entry, retry_failed=loads)
        waits = not isinstance(request, Unload) or request.waits
        await self._rest(asked, self._patience_s, waits=waits)
        if loads and request.model is not None:
            asked[0].check_loaded()
        return ControlResult(self.report, changed=self.report != before, model=request.model)

    def _asked(self, request: ModelControl) -> list[ModelEntry]:
        """The models that a request is about, the one that it names first.

        Errors: NOT_FOUND.
        """
        if request.model is None:
            return list(self._entries.values())
        entry = self._entry(request.model)
        if isinstance(request, Unload) and request.parts:
            return [entry, *parts_alone(entry, self._entries, self._pipelines)]
        if isinstance(request, Load):
            return [entry, *(one for one in self._entries.values() if one.wishes.along_with == entry.name)]
        return [entry]

    async def _load_overridden(self, request: Load, override: Override) -> ControlResult:
        """Load a model with the configuration that came along. Where that fails, all is as before."""
        before, name = self.report, request.model
        async with self._turns.of(name):
            await self._look(name)
            if not override.files:
                self._entry(name)
            substitute = await self._substitutes.make(name, override)
            entry = self._entries.setdefault(name, ModelEntry(name, self._changed, listed=False))
            wishes = entry.wishes
            try:
                entry.substitute(substitute)
                self._act(entry, retry_failed=True)
                await self._rest([entry], self._patience_s)
                entry.check_loaded()
            except DragomanError:
                await self._take_back(entry, substitute, wishes)
                raise
            finally:
                await self._substitutes.sweep(self._entries.values())
        return ControlResult(self.report, changed=self.report != before, model=name)

    async def _take_back(self, entry: ModelEntry, substitute: Substitute, wishes: Wishes) -> None:
        """Want of a model again what was wanted before, and wait until it serves so."""
        if entry.wishes.substitute is not substitute:
            return  # somebody has taken it back already
        entry.wish(wishes)
        entry.forget_failures()
        self._act(entry)
        await self._rest([entry], self._patience_s)
        if not entry.known and not entry.served:
            del self._entries[entry.name]
            self._board.withdraw(entry.name)

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
        self._adopt(Aspired(), self._entries.keys())
        try:
            async with asyncio.timeout(grace_s):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        except TimeoutError:
            self._log.warning("models are still in use", grace_s=grace_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._substitutes.close()
        self._lifecycle.close()

    async def _look(self, model: str | None = None, *, files: bool = False) -> None:
        """Ask the source what it wants, and start on it; of one model, or of all.

        `files`: also look at those of the versions that are there, for changes in place.
        """
        async with self._looking:
            aspired = await self._lifecycle.in_thread(self._source.aspired)
            names = aspired.models.keys() | self._entries.keys()
            names = names if model is None else names & {model}
            if files:
                versions = {name: self._entries[name].newest.keys() for name in names & self._entries.keys()}
                aspired = await self._lifecycle.in_thread(with_files, aspired, versions)
            self._adopt(aspired, names)

    def _polled(self, standing: Mapping[str, Standing]) -> Settled:
        return self._settling.admit(self._source.aspired(), standing)

    def _adopt(self, aspired: Aspired, names: Set[str]) -> None:
        new = []
        for name in sorted(names):
            entry = self._entries.setdefault(name, ModelEntry(name, self._changed))
            if entry.adopt(aspired.models.get(name)):
                new.append(entry)
        self._pipelines = pipelines_by_model(self._entries.values())
        for entry in sorted(new, key=lambda entry: entry.is_pipeline):  # they wait for models on their way
            self._act(entry)
        self._notes = aspired.notes

    def _act(self, entry: ModelEntry, retry_failed: bool = False) -> None:
        """Start everything that the policy allows now."""
        entry.follow(self._entries)
        entry.refresh(retry_failed)
        while (action := entry.next_action) is not None:
            harness = entry.harnesses[action.version, action.generation]
            if action.move is Move.LOAD:
                harness.move(State.LOADING)
                self._spawn(entry, self._lifecycle.load(harness))
            elif harness.handle is None:
                harness.gone()
            else:
                harness.move(State.QUIESCING)
                self._spawn(entry, self._lifecycle.unload(harness, harness.handle))
        self._board.publish(entry)

    def _spawn(self, entry: ModelEntry, work: Coroutine[Any, Any, None]) -> None:
        async def then_act() -> None:
            await work
            self._act(entry)
            await self._substitutes.sweep(self._entries.values())

        self._begin(then_act())

    def _begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Do this whoever waits for it; the end of the manager waits for it, too."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _changed(self, harness: VersionHarness) -> None:
        """A version has come to another state."""
        candidate, status = harness.candidate, harness.status
        self._board.publish(self._entries[candidate.model])
        cause = {} if status.cause is None else {"cause": status.cause.message}
        level, state = LOGGED_AS.get(status.state, logging.INFO), status.state.value
        self._log.log(level, "version", model=candidate.model, version=status.version, state=state, **cause)
        self._observer(candidate.model, status)
        for pipeline in self._pipelines.get(candidate.model, ()):
            self._act(pipeline)

    def _warn(self) -> None:
        """Log what is new among the warnings."""
        now = [*self._notes, *(note for entry in self._entries.values() for note in entry.warnings)]
        for note in now:
            if note not in self._noted:
                self._log.warning("repository", note=note)
        self._noted = frozenset(now)

    def _entry(self, model: str) -> ModelEntry:
        entry = self._entries.get(model)
        if entry is None or not entry.known:
            raise refusal(Target(model), None)
        return entry

    async def _rest(
        self, entries: Iterable[ModelEntry], patience_s: float | None, *, waits: bool = True
    ) -> None:
        """Wait until nothing is under way with these models: for loads to the end, else for `patience_s`.

        `waits` False: neither for loads nor for requests that still hold a version.
        """
        watched = list(entries)
        while states := {
            h.state
            for entry in watched
            for h in entry.harnesses.values()
            if h.state not in SETTLED and (waits or h.is_closing)
        }:
            try:
                async with asyncio.timeout(None if State.LOADING in states else patience_s):
                    await self._board.next_change()
            except TimeoutError:
                break
        self._warn()


def parts_alone(
    pipeline: ModelEntry, models: Mapping[str, ModelEntry], users: Mapping[str, list[ModelEntry]]
) -> list[ModelEntry]:
    """The models that a pipeline is made of, but those of another that is wanted."""
    nodes = pipeline.pipeline.nodes if pipeline.pipeline is not None else ()
    names = dict.fromkeys(node.model for node in nodes if node.model is not None)
    return [
        models[name]
        for name in names
        if name in models and not any(user.wanted for user in users[name] if user is not pipeline)
    ]


def pipelines_by_model(entries: Iterable[ModelEntry]) -> Mapping[str, list[ModelEntry]]:
    """The pipelines that each model is a part of."""
    found: dict[str, list[ModelEntry]] = {}
    for entry in entries:
        for node in entry.pipeline.nodes if entry.pipeline is not None else ():
            if node.model is not None and entry not in (users := found.setdefault(node.model, [])):
                users.append(entry)
    return found
