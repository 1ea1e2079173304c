"""What an operator's word does who has changed files: settings read again, and every model looked at."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import structlog

from dragoman.assembly.reload import Reloader, Reread
from dragoman.core.control import ControlResult, Reload
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.status import Cause, State, StatusReport

Control = Callable[[Reload], Awaitable[ControlResult]]
# A path that leads nowhere, a pipeline of models that do not fit together; a file that does not load is not.
CALLERS_MISTAKES: Final = frozenset({Reason.PLACE_UNREADABLE, Reason.MODELS_MISFIT})


class Renewal:
    """Carries out `ReloadSettings`, one at a time.

    The steps are those of OpenVINO Model Server: settings whose files have changed are taken over, and so are
    all others after a time that left something out; then every model's place is looked at.
    """

    def __init__(self, reloader: Reloader, control: Control, report: Callable[[], StatusReport]) -> None:
        self._reloader = reloader
        self._control = control
        self._report = report
        self._renewing = asyncio.Lock()
        self._left_out = self._leaves_out()
        self._known = reloader.times_taken_over
        self._log = structlog.get_logger("dragoman.config")

    async def renew(self) -> ControlResult:
        """What there is afterwards, and whether that is new.

        Errors: those of `Reloader.renew`; else, for what does not serve then, DragomanError with reason
        SETTINGS_REFUSED where settings were taken over, and MODELS_REFUSED where not. What serves, goes on.
        """
        async with self._renewing:
            return await self._renew()

    async def _renew(self) -> ControlResult:
        if self._known != self._reloader.times_taken_over:  # by itself, as the files had changed
            self._left_out = self._leaves_out()
        try:
            taken_over = await self._reloader.renew(again=self._left_out)
        except DragomanError as error:
            self._left_out = self._left_out or error.reason is Reason.SETTINGS_MALFORMED
            raise
        finally:
            self._known = self._reloader.times_taken_over
        result = await self._control(Reload())
        found = first_to_last(self._reloader.now, result.report, refused=taken_over)
        if taken_over:
            self._left_out = bool(found)
        if found:
            raise self._refusal(found, taken_over)
        return ControlResult(result.report, changed=taken_over or result.changed)

    def _leaves_out(self) -> bool:
        """Whether the settings in force name what does not serve."""
        return bool(first_to_last(self._reloader.now, self._report(), refused=True))

    def _refusal(self, found: list[Cause], taken_over: bool) -> DragomanError:
        for cause in found:
            self._log.error("does not serve", cause=cause.message)
        reason = Reason.SETTINGS_REFUSED if taken_over else Reason.MODELS_REFUSED
        first = found[0]
        code = Code.INVALID_ARGUMENT if first.reason in CALLERS_MISTAKES else Code.INTERNAL
        return DragomanError(code, "; ".join(cause.message for cause in found), reason=reason)


def first_to_last(settings: Reread, report: StatusReport, *, refused: bool) -> list[Cause]:
    """Why what is wanted does not serve, in the order of the settings: models, then pipelines.

    `refused` = entries that were left out count, too, each where it stands. The first cause decides what
    kind of a mistake a renewal tells.
    """
    wanted = settings.settings
    names = [*(model.name for model in wanted.models), *(pipeline.name for pipeline in wanted.pipelines)]
    places = {name: place for place, name in enumerate(names)}
    found = [(one.place, 0, Cause(Code.INTERNAL, one.why)) for one in settings.refused if refused]
    found += [(places.get(name, len(names)), 1, cause) for name, cause in failures(report)]
    return [cause for _, _, cause in sorted(found, key=lambda one: one[:2])]


def failures(report: StatusReport) -> Iterator[tuple[str, Cause]]:
    """By model, why its place cannot be read, and why versions or changes of versions do not load."""
    for name, model in report.models.items():
        if model.cause is not None and model.cause.reason is Reason.PLACE_UNREADABLE:
            yield name, model.cause
        for version in model.versions:
            if version.state is State.FAILED and version.cause is not None:
                yield name, version.cause
        for cause in model.stale:
            yield name, cause
