"""What readers see of the models, and the news of each change. Used on the event loop's thread only."""

import asyncio
from collections.abc import Mapping

from dragoman.core.status import ModelStatus, StatusReport
from dragoman.repository.entry import ModelEntry
from dragoman.repository.routing import ModelRoute


class Board:
    """Routes and statuses of all models. `routes` is exchanged whole, so that readers need no lock."""

    def __init__(self, *, strict: bool = False) -> None:
        self.routes: Mapping[str, ModelRoute] = {}
        self._strict = strict
        self._statuses: dict[str, ModelStatus] = {}
        self._report: StatusReport | None = None
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def report(self) -> StatusReport:
        """The state of every model. Built once after each change."""
        if self._report is None:
            models = {name: self._statuses[name] for name in sorted(self._statuses)}
            self._report = StatusReport(models, self._strict)
        return self._report

    def publish(self, entry: ModelEntry) -> None:
        """Show readers one model as it is now."""
        entry.settle_labels()
        route = ModelRoute(
            entry.handles, entry.labels, any_version=entry.any_version, default=entry.aspired.default
        )
        self.routes = {**self.routes, entry.name: route}
        self._statuses[entry.name] = entry.status
        self._tell()

    def withdraw(self, name: str) -> None:
        """Show readers a model no more."""
        self.routes = {known: route for known, route in self.routes.items() if known != name}
        self._statuses.pop(name, None)
        self._tell()

    def _tell(self) -> None:
        """Wake whoever waits for a change."""
        self._report = None
        waiting, self._waiting = self._waiting, []
        for change in waiting:
            if not change.done():
                change.set_result(None)

    async def next_change(self) -> None:
        """Wait until something is published."""
        change = asyncio.get_running_loop().create_future()
        self._waiting.append(change)
        await change
