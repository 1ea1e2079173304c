"""The table of the models in memory: what is known of each, and what is under way with it.

All steps are taken on the event loop's thread; loading and closing go to threads.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Set
from typing import Any, Final, TypeVar

import structlog

from dragoman.core.requests import Target
from dragoman.core.status import State, VersionStatus
from dragoman.repository.board import Board
from dragoman.repository.entry import ModelEntry
from dragoman.repository.harness import SETTLED, VersionHarness
from dragoman.repository.lifecycle import Lifecycle
from dragoman.repository.policy import Move
from dragoman.repository.routing import refusal
from dragoman.repository.source import Aspired
from dragoman.repository.substitutes import Substitutes
from dragoman.repository.wishes import Wishes

Observer = Callable[[str, VersionStatus], None]
T = TypeVar("T")
LOGGED_AS: Final = {  # INFO where not named
    State.QUIESCING: logging.DEBUG,
    State.QUIESCED: logging.DEBUG,
    State.UNLOADING: logging.DEBUG,
    State.FAILED: logging.ERROR,
}


class ModelTable:
    """Every model by its name, and the pipelines by each model that they are made of."""

    def __init__(
        self, lifecycle: Lifecycle, substitutes: Substitutes, observer: Observer, *, strict: bool
    ) -> None:
        self.entries: dict[str, ModelEntry] = {}
        self.pipelines: Mapping[str, list[ModelEntry]] = {}
        self.board = Board(strict=strict)
        self._lifecycle = lifecycle
        self._substitutes = substitutes
        self._observer = observer
        self._notes: tuple[str, ...] = ()  # the source's
        self._noted: frozenset[str] = frozenset()  # logged already
        self._tasks: set[asyncio.Task[Any]] = set()
        self._log = structlog.get_logger("dragoman.repository")

    def entry(self, model: str) -> ModelEntry:
        """The model of that name.

        Errors: NOT_FOUND where there is none.
        """
        entry = self.entries.get(model)
        if entry is None or not entry.known:
            raise refusal(Target(model), None)
        return entry

    def unlisted(self, model: str) -> ModelEntry:
        """The entry of that name, which is made where there is none: the source has no such model."""
        return self.entries.setdefault(model, ModelEntry(model, self._changed, listed=False))

    def withdraw(self, entry: ModelEntry) -> None:
        """Forget a model of which nothing is left."""
        del self.entries[entry.name]
        self.board.withdraw(entry.name)

    def adopt(self, aspired: Aspired, names: Set[str]) -> None:
        """Take over what the source wants of the models of these names, and start on what is new."""
        new = []
        for name in sorted(names):
            entry = self.entries.setdefault(name, ModelEntry(name, self._changed))
            if entry.adopt(aspired.models.get(name)):
                new.append(entry)
        self.pipelines = pipelines_by_model(self.entries.values())
        for entry in sorted(new, key=lambda entry: entry.is_pipeline):  # they wait for models on their way
            self.act(entry)
        self._notes = aspired.notes

    def act(self, entry: ModelEntry, retry_failed: bool = False) -> None:
        """Start everything that the policy allows now."""
        entry.follow(self.entries)
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
        self.board.publish(entry)

    async def rest(
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
                    await self.board.next_change()
            except TimeoutError:
                break
        self.warn()

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Do this whoever waits for it; the end of the manager waits for it, too."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def warn(self) -> None:
        """Log what is new among the warnings."""
        now = [*self._notes, *(note for entry in self.entries.values() for note in entry.warnings)]
        for note in now:
            if note not in self._noted:
                self._log.warning("repository", note=note)
        self._noted = frozenset(now)

    async def close(self, grace_s: float = 5.0) -> None:
        """Unload everything; what requests hold longer than `grace_s` is left to the end of the process."""
        self.adopt(Aspired(), self.entries.keys())
        for entry in self.entries.values():
            entry.wish(Wishes())  # also of models that no source has
            self.act(entry)
        try:
            async with asyncio.timeout(grace_s):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        except TimeoutError:
            self._log.warning("models are still in use", grace_s=grace_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, entry: ModelEntry, work: Coroutine[Any, Any, None]) -> None:
        async def then_act() -> None:
            await work
            self.act(entry)
            await self._substitutes.sweep(self.entries.values())

        self.begin(then_act())

    def _changed(self, harness: VersionHarness) -> None:
        """A version has come to another state."""
        candidate, status = harness.candidate, harness.status
        self.board.publish(self.entries[candidate.model])
        why = {"cause": status.cause.message} if status.cause is not None else {}
        why |= {"doing": status.doing} if status.doing else {}
        level, state = LOGGED_AS.get(status.state, logging.INFO), status.state.value
        self._log.log(level, "version", model=candidate.model, version=status.version, state=state, **why)
        self._observer(candidate.model, status)
        for pipeline in self.pipelines.get(candidate.model, ()):
            self.act(pipeline)


def pipelines_by_model(entries: Iterable[ModelEntry]) -> Mapping[str, list[ModelEntry]]:
    """The pipelines that each model is a part of."""
    found: dict[str, list[ModelEntry]] = {}
    for entry in entries:
        for node in entry.pipeline.nodes if entry.pipeline is not None else ():
            if node.model is not None and entry not in (users := found.setdefault(node.model, [])):
                users.append(entry)
    return found
