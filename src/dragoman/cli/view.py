"""What `dragoman serve` prints: plain lines in a pipe, on a terminal a table that follows loading models."""

import sys
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from dragoman.assembly.app import App
from dragoman.cli.example import curl_line
from dragoman.cli.table import HEADINGS, Row, one_line, shown_version
from dragoman.core.status import State, VersionStatus

TOLD: Final = frozenset({State.LOADING, State.READY, State.FAILED})  # the others say nothing new to a reader
STYLES: Final = {State.READY.value: "green", State.FAILED.value: "bold red"}


def say(*lines: str) -> None:
    """Print the lines at once, also into a pipe."""
    print(*lines, sep="\n", flush=True)


def row(model: str, version: VersionStatus) -> Row:
    """One version as a row of the table."""
    return Row(
        model=one_line(model),
        version=shown_version(version.version, version.name),
        engine=version.engine or "",
        state=version.state.value,
        note=one_line(version.cause.message if version.cause else version.doing),
    )


def closing_lines(app: App) -> Iterator[str]:
    """What to do next: a request to paste for each protocol, how many models serve, and where."""
    models = app.report.models
    serving = {name: version for name, model in models.items() if (version := model.latest_ready)}
    for listener in (listener for listener in app.listeners if listener.transport == "http"):
        for name, version in list(serving.items())[:1]:
            for make in listener.examples:
                example = make(quote(name, safe=""), version.signatures)
                if example is not None:
                    yield f"{example.title}: {curl_line(listener.url, example)}"
    found = f"{len(serving)} of {len(models)} models ready" if models else "no model was found"
    yield f"{found}; Ctrl-C ends the server"
    yield from (f"listening on {listener.url}" for listener in app.listeners)


class PlainView:
    """One line for each thing that happens."""

    def changed(self, model: str, version: VersionStatus) -> None:
        """Say which version is loading, ready or failed, and why."""
        if version.state in TOLD:
            now = row(model, version)
            say(f"{now.model} version {now.version}: {now.state}" + (f": {now.note}" if now.note else ""))

    async def ready(self, app: App) -> bool:
        """Say what to do next; serve on."""
        say(*closing_lines(app))
        return True

    def draining(self) -> None:
        """Say that the end has begun."""
        say("draining: requests in flight may end")


class TerminalView(PlainView):
    """A table with a spinner beside each loading model; the last one stays on the screen."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, int], Row] = {}
        self._started = False
        self._spinner = Spinner("dots", State.LOADING.value)
        # Log lines go above the table, but only where they would hit it.
        self._live = Live(console=Console(), get_renderable=self._table, redirect_stderr=sys.stderr.isatty())

    def changed(self, model: str, version: VersionStatus) -> None:
        """Show the version's new state: in the table while the server starts, as a line from then on."""
        if self._started:
            super().changed(model, version)
            return
        self._rows[model, version.version] = row(model, version)
        self._live.start()

    async def ready(self, app: App) -> bool:
        """Leave the last table standing, then say what to do next; serve on."""
        self._started = True
        self._live.stop()
        return await super().ready(app)

    def draining(self) -> None:
        """Say that the end has begun."""
        self._live.stop()
        super().draining()

    def _table(self) -> Table:
        table = Table(*HEADINGS, "cause", box=None, header_style="bold", pad_edge=False)
        for entry in list(self._rows.values()):  # the spinner's thread draws while the loop's thread adds
            loading = entry.state == State.LOADING.value
            state = self._spinner if loading else Text(entry.state, STYLES.get(entry.state, ""))
            table.add_row(*map(Text, entry.cells[:-1]), state, Text(entry.note))
        return table
