"""Requests for control of models: load, unload, reload, label; one at a time for each model."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from dragoman.core.control import ControlResult, Load, ModelControl, Reload, Unload
from dragoman.core.errors import DragomanError
from dragoman.core.override import Override
from dragoman.core.status import StatusReport
from dragoman.repository.entry import ModelEntry
from dragoman.repository.overriding import Substitute
from dragoman.repository.substitutes import Substitutes
from dragoman.repository.table import ModelTable
from dragoman.repository.turns import Turns
from dragoman.repository.wishes import Wishes


class Look(Protocol):
    """Asks the source what it wants, and starts on it; of one model, or of all.

    `files`: also looks at those of the versions that are there, for changes in place.
    """

    async def __call__(self, model: str | None = None, *, files: bool = False) -> None:
        """Look.

        Errors: DragomanError where the source cannot say; then everything stays as it is.
        """


class Control:
    """Carries out what operators ask. `patience_s`: how long what requests still hold is waited for."""

    def __init__(
        self, table: ModelTable, substitutes: Substitutes, look: Look, turns: Turns, patience_s: float
    ) -> None:
        self._table = table
        self._substitutes = substitutes
        self._look = look
        self._patience_s = patience_s
        self._turns = turns

    async def carry_out(self, request: ModelControl) -> ControlResult:
        """Do it, and wait until it is done.

        Errors: as `ModelManager.control`.
        """
        if request.model is None:
            return await self._ask(request)
        if isinstance(request, Load) and request.override is not None:
            # Whoever asked may leave meanwhile: what comes of it is kept, or taken back, all the same.
            work = self._table.begin(self._load_overridden(request, request.override))
            work.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            return await asyncio.shield(work)
        async with self._turns.of(request.model):
            return await self._ask(request)

    async def _ask(self, request: ModelControl) -> ControlResult:
        """Do what is asked of one model, or of each."""
        before = self._table.board.report
        loads = isinstance(request, Load | Reload)
        looks = isinstance(request, Reload) or (isinstance(request, Load) and request.looks)
        await self._look(request.model, files=looks)
        asked = self._asked(request)
        for entry in asked:
            entry.apply(request)
            self._table.act(entry, retry_failed=loads)
        waits = not isinstance(request, Unload) or request.waits
        await self._table.rest(asked, self._patience_s, waits=waits)
        if loads and request.model is not None:
            asked[0].check_loaded()
        return ControlResult(
            self._table.board.report, changed=self._table.board.report != before, model=request.model
        )

    def _result(self, before: StatusReport, model: str | None) -> ControlResult:
        report = self._table.board.report
        return ControlResult(report, changed=report != before, model=model)

    def _asked(self, request: ModelControl) -> list[ModelEntry]:
        """The models that a request is about, the one that it names first.

        Errors: NOT_FOUND.
        """
        if request.model is None:
            return list(self._table.entries.values())
        entry = self._table.entry(request.model)
        if isinstance(request, Unload) and request.parts:
            return [entry, *parts_alone(entry, self._table.entries, self._table.pipelines)]
        if isinstance(request, Load):
            others = self._table.entries.values()
            return [entry, *(one for one in others if one.wishes.along_with == entry.name)]
        return [entry]

    async def _load_overridden(self, request: Load, override: Override) -> ControlResult:
        """Load a model with the configuration that came along. Where that fails, all is as before."""
        before, name = self._table.board.report, request.model
        async with self._turns.of(name):
            await self._look(name)
            if not override.files:
                self._table.entry(name)
            substitute = await self._substitutes.make(name, override)
            entry = self._table.unlisted(name)
            wishes = entry.wishes
            try:
                entry.substitute(substitute)
                self._table.act(entry, retry_failed=True)
                await self._table.rest([entry], self._patience_s)
                entry.check_loaded()
            except DragomanError:
                await self._take_back(entry, substitute, wishes)
                raise
            finally:
                await self._substitutes.sweep(self._table.entries.values())
        return self._result(before, name)

    async def _take_back(self, entry: ModelEntry, substitute: Substitute, wishes: Wishes) -> None:
        """Want of a model again what was wanted before, and wait until it serves so."""
        if entry.wishes.substitute is not substitute:
            return  # somebody has taken it back already
        entry.wish(wishes)
        entry.forget_failures()
        self._table.act(entry)
        await self._table.rest([entry], self._patience_s)
        if not entry.known and not entry.served:
            self._table.withdraw(entry)


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
