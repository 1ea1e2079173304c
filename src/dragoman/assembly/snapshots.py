"""Snapshots: files from which a restart serves the models that serve now, with as many workers.

`startup.cfg` is written when all is loaded, `<time>-snapshot.cfg` after each change, `shutdown.cfg` at the
end. Their form is that of TorchServe's files; `--as torchserve` begins with the last one.
"""

import asyncio
import contextlib
import json
import os
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from dragoman.core.status import ModelStatus, StatusReport, VersionStatus
from dragoman.settings.snapshots import SnapshotSettings

STARTUP: Final = "startup.cfg"
SHUTDOWN: Final = "shutdown.cfg"
SPECIAL: Final = re.compile(r"[\\\n\r\t\f]")
ESCAPES: Final = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"}

Tree = dict[str, dict[str, dict[str, Any]]]


class Snapshots:
    """Writes snapshots of what `report` tells; `changed` waits until something of that is another."""

    def __init__(
        self,
        settings: SnapshotSettings,
        report: Callable[[], StatusReport],
        changed: Callable[[], Awaitable[None]],
        wall_s: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._report = report
        self._changed = changed
        self._wall_s = wall_s
        self._following: asyncio.Task[None] | None = None
        self._last: Tree = {}
        self._writing = asyncio.Lock()
        self._log = structlog.get_logger("dragoman.repository")

    async def start(self) -> None:
        """Write the first one, and one after each change from now on."""
        await self._write(STARTUP)
        self._following = asyncio.get_running_loop().create_task(self._follow())

    async def close(self) -> None:
        """Write the last one, while the models are still there. Nothing before the start was over."""
        if self._following is None:
            return
        async with self._writing:  # none that is older is written after the last one
            self._following.cancel()
        await asyncio.wait([self._following])
        await self._write(SHUTDOWN)

    async def _follow(self) -> None:
        while True:
            await self._changed()
            if models(self._report(), self._settings.store) != self._last:
                now = datetime.fromtimestamp(self._wall_s(), UTC)
                await self._write(f"{now:%Y%m%d%H%M%S}{now.microsecond // 1000:03d}-snapshot.cfg")

    async def _write(self, name: str) -> None:
        self._last = models(self._report(), self._settings.store)
        text = written(name, self._last, self._settings.properties, self._wall_s())
        try:
            async with self._writing:
                await asyncio.to_thread(put, self._settings.folder, name, text)
        except OSError as error:
            self._log.warning("no snapshot", file=name, detail=(error.strerror or "unknown reason").lower())


def models(report: StatusReport, store: str) -> Tree:
    """Every version of every model, by their names."""
    found: Tree = {}
    for name, model in report.models.items():
        versions = {version.called: told(model, version, store) for version in model.there if version.path}
        if model.known and versions:
            found[name] = versions
    return found


def told(model: ModelStatus, version: VersionStatus, store: str) -> dict[str, Any]:
    """What is told of a version: its file, relative to the store if it lies there; its workers, if any."""
    path = version.path
    if os.path.basename(path).isdecimal():  # one of several folders of versions
        path = os.path.dirname(path)
    inside = os.path.join(os.path.abspath(store), "") if store else ""
    entry: dict[str, Any] = {
        "defaultVersion": version is model.usual,
        "marName": path.removeprefix(inside) if inside else path,
    }
    if version.workers is not None:
        staff = version.workers()
        entry |= {
            "minWorkers": staff.minimum,
            "maxWorkers": staff.maximum,
            "batchSize": staff.terms.batch_size,
            "maxBatchDelay": staff.terms.batch_delay_ms,
            "responseTimeout": staff.terms.response_timeout_s,
            "startupTimeout": staff.terms.startup_timeout_s,
            "runtimeType": staff.terms.runtime,
        }
    return entry


def written(name: str, tree: Tree, properties: Mapping[str, str], wall_s: float) -> str:
    """The text of a snapshot."""
    snapshot = {"name": name, "modelCount": len(tree), "created": round(wall_s * 1000), "models": tree}
    lines = {**properties, "model_snapshot": json.dumps(snapshot)}
    return "".join(f"{key}={escaped(value)}\n" for key, value in lines.items())


def escaped(value: str) -> str:
    """A value as such files have it."""
    text = SPECIAL.sub(lambda found: ESCAPES[found[0]], value)
    return f"\\{text}" if text.startswith(" ") else text


def put(folder: str, name: str, text: str) -> None:
    """Write a file as a whole or not at all.

    Errors: OSError.
    """
    os.makedirs(folder, exist_ok=True)
    new = os.path.join(folder, f".{name}.{secrets.token_hex(8)}")
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(new, os.path.join(folder, name))
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise
