"""Versions registered, taken away and made the default by requests for control, one model at a time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog
from msgspec.structs import replace

from dragoman.core.control import ControlResult, Register, Registration, SetDefault, Unregister
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.status import State, VersionStatus, version_names
from dragoman.repository.archives.versions import version_numbers
from dragoman.repository.arrivals import Arrival
from dragoman.repository.entry import ModelEntry
from dragoman.repository.harness import VersionHarness
from dragoman.repository.registrations import Registrations
from dragoman.repository.routing import no_model, version_refusal
from dragoman.repository.source import Candidate, without_live_settings
from dragoman.repository.table import ModelTable
from dragoman.repository.turns import Turns

Take = Callable[[Register], Arrival]
Discard = Callable[[str], None]
OFF: Final = (
    "versions are not registered here: the server's setting registration.enabled says whether they are"
)
CALLERS: Final = frozenset({Code.INVALID_ARGUMENT, Code.FAILED_PRECONDITION})


class Registrar:
    """Carries out registrations. `take` and `discard` are called on threads; `enabled` False = refused."""

    def __init__(
        self,
        table: ModelTable,
        turns: Turns,
        take: Take,
        discard: Discard,
        *,
        enabled: bool,
        patience_s: float,
    ) -> None:
        self._table = table
        self._turns = turns
        self._take = take
        self._discard = discard
        self._enabled = enabled
        self._patience_s = patience_s
        self._log = structlog.get_logger("dragoman.repository")

    async def carry_out(self, request: Registration) -> ControlResult:
        """Do it. Whoever asked may leave meanwhile: it is done to its end all the same.

        Errors: UNIMPLEMENTED with reason REGISTRATION_OFF; those of `Arrivals.take`; ALREADY_EXISTS with
        reason VERSION_REGISTERED; NOT_FOUND for a model or version that is not there; FAILED_PRECONDITION
        with reason VERSION_DEFAULT for one that may not be taken away; INTERNAL with reason WORKERS_FAILED.
        """
        if not (self._enabled or isinstance(request, SetDefault)):
            raise DragomanError(Code.UNIMPLEMENTED, OFF, reason=Reason.REGISTRATION_OFF)
        work: Coroutine[Any, Any, ControlResult]
        if isinstance(request, Register):
            work = self._register(request)
        elif isinstance(request, Unregister):
            work = self._unregister(request)
        else:
            work = self._set_default(request)
        task = self._table.begin(work)
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return await asyncio.shield(task)

    async def _register(self, request: Register) -> ControlResult:
        arrival = await asyncio.to_thread(self._take, request)
        try:
            async with self._turns.of(arrival.model):
                entry, candidate = self._added(arrival)
                if request.waits or not arrival.settings.handler.min_workers:
                    await self._loaded(entry, candidate)
                else:
                    self._table.begin(self._tidied(entry))
        except BaseException:
            await asyncio.to_thread(self._discard, arrival.path)
            raise
        status = entry.status.version(candidate.version)
        workers = status.workers().minimum if status is not None and status.workers is not None else 0
        return ControlResult(
            self._table.board.report,
            changed=True,
            model=arrival.model,
            version_name=arrival.version,
            workers=workers,
            pending=not request.waits and (status is None or status.state is not State.READY or workers > 0),
        )

    def _added(self, arrival: Arrival) -> tuple[ModelEntry, Candidate]:
        """The version, on its way.

        Errors: ALREADY_EXISTS.
        """
        entry = self._table.entries.get(arrival.model)
        known = {} if entry is None or not entry.known else entry.candidates
        for one in known.values():
            if one.pipeline is not None or arrival.version in version_names(one.version, one.version_name):
                raise DragomanError(
                    Code.ALREADY_EXISTS,
                    f"Model version {arrival.version} is already registered for model {arrival.model}",
                    reason=Reason.VERSION_REGISTERED,
                )
        entry = self._table.unlisted(arrival.model)
        candidate = Candidate(
            arrival.model,
            free_number(arrival.version, known.keys() | busy(entry)),
            arrival.path,
            arrival.path.rpartition("/")[2],
            without_live_settings(arrival.settings),
            version_name=arrival.version,
            origin=arrival.origin,
        )
        self._want(entry, entry.wishes.registrations.with_added(candidate))
        return entry, candidate

    async def _loaded(self, entry: ModelEntry, candidate: Candidate) -> None:
        """Wait until the version serves. Where it does not load, it is there no more.

        Errors: INVALID_ARGUMENT and the like for what its files say; INTERNAL for workers that do not start.
        """
        harness = entry.newest[candidate.version]
        await self._settled(harness)
        if harness.state is not State.FAILED:
            return
        self._want(entry, entry.wishes.registrations.without(candidate.version))
        self._forget(entry)
        cause = harness.cause
        if cause is not None and (cause.code in CALLERS or cause.reason is Reason.ARCHIVE_UNUSABLE):
            reason = cause.reason or Reason.MODEL_INVALID
            raise DragomanError(cause.code, cause.message, reason=reason)
        raise DragomanError(
            Code.INTERNAL,
            f"Failed to start workers for model {entry.name} version: {candidate.version_name}",
            reason=Reason.WORKERS_FAILED,
        )

    async def _settled(self, harness: VersionHarness) -> None:
        while harness.state in (State.NEW, State.LOADING):
            await self._table.board.next_change()

    async def _tidied(self, entry: ModelEntry) -> None:
        """Warn of what is to be warned of, once nothing is under way."""
        await self._table.rest([entry], self._patience_s)

    async def _unregister(self, request: Unregister) -> ControlResult:
        async with self._turns.of(request.model):
            entry = self._entry(request.model)
            version = self._meant(entry, request.version_name)
            status = entry.status
            usual = status.usual
            if len(entry.candidates) > 1 and usual is not None and usual.version == version.version:
                message = f"Cannot remove default version for model {entry.name}"
                raise DragomanError(Code.FAILED_PRECONDITION, message, reason=Reason.VERSION_DEFAULT)
            path = entry.candidates[version.version].path
            self._want(entry, entry.wishes.registrations.without(version.version))
            await self._table.rest([entry], self._patience_s)
            await asyncio.to_thread(self._discard, path)
            self._forget(entry)
        return ControlResult(
            self._table.board.report, changed=True, model=entry.name, version_name=version.called
        )

    async def _set_default(self, request: SetDefault) -> ControlResult:
        async with self._turns.of(request.model):
            entry = self._entry(request.model)
            version = self._meant(entry, request.version_name)
            registrations = replace(entry.wishes.registrations, default=version.version)
            self._want(entry, registrations)
        return ControlResult(
            self._table.board.report, changed=True, model=entry.name, version_name=version.called
        )

    def _entry(self, name: str) -> ModelEntry:
        """The model of that name.

        Errors: NOT_FOUND.
        """
        entry = self._table.entries.get(name)
        if entry is None or not entry.known:
            raise no_model(name, None)
        return entry

    def _meant(self, entry: ModelEntry, name: str | None) -> VersionStatus:
        """The version of that name; None = the one that is called where none is named.

        Errors: NOT_FOUND.
        """
        status = entry.status
        found = status.usual if name is None else status.named(name)
        if found is None or found.version not in entry.candidates:
            raise version_refusal(entry.name, name or "that is there", None)
        return found

    def _want(self, entry: ModelEntry, registrations: Registrations) -> None:
        """Take over what is registered from now on."""
        entry.wish(replace(entry.wishes, unloaded=False, registrations=registrations))
        self._table.act(entry)

    def _forget(self, entry: ModelEntry) -> None:
        """Drop a model that nobody has any more, once nothing is left of it."""
        gone = all(harness.state in (State.GONE, State.FAILED) for harness in entry.harnesses.values())
        if not entry.known and not entry.listed and gone and self._table.entries.get(entry.name) is entry:
            self._table.withdraw(entry)


def free_number(name: str, taken: set[int]) -> int:
    """The number of a version of that name: the first in it where that is free, else the next that is."""
    number = version_numbers([name])[name]
    while number in taken:
        number += 1
    return number


def busy(entry: ModelEntry) -> set[int]:
    """The numbers of versions that have not gone yet."""
    return {version for (version, _), harness in entry.harnesses.items() if harness.state is not State.GONE}
