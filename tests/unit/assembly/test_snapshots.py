"""Snapshots of the models that serve: what is written, and when."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dragoman.assembly.snapshots import Snapshots
from dragoman.config.dialects.torchserve.properties import read_properties
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus, WorkersStatus
from dragoman.core.terms import WorkTerms
from dragoman.settings.snapshots import SnapshotSettings

NOW_S = 1_700_000_000.5
PROPERTIES = {"model_store": "store", "odd": " two\nlines and a \\ backslash = :"}


def version(number: int, path: str, minimum: int | None = 1, state: State = State.READY) -> VersionStatus:
    terms = WorkTerms(batch_size=4, batch_delay_ms=20)
    workers = None if minimum is None else lambda: WorkersStatus(minimum, 3, 1, terms=terms)
    return VersionStatus(number, state, name=f"{number}.0", path=path, workers=workers)


def report(*models: ModelStatus) -> StatusReport:
    return StatusReport({model.name: model for model in models})


class Scene:
    """Snapshots of a report that changes when it is told to."""

    def __init__(self, folder: Path, first: StatusReport) -> None:
        self.folder = folder
        self.report = first
        self.news, self.idle = asyncio.Event(), asyncio.Event()
        self.seen = False
        settings = SnapshotSettings(folder=str(folder), store="/store", properties=PROPERTIES)
        self.snapshots = Snapshots(settings, lambda: self.report, self._changed, lambda: NOW_S)

    async def change(self, new: StatusReport) -> None:
        self.report = new
        self.seen = False
        self.idle.clear()
        self.news.set()
        await self.idle.wait()

    async def _changed(self) -> None:
        if self.seen:
            self.idle.set()
        await self.news.wait()
        self.news.clear()
        self.seen = True

    def read(self, name: str) -> Mapping[str, Any]:
        found = read_properties((self.folder / name).read_text(), name, {})
        told = {key: one.value for key, one in found.items()}
        return {**told, "model_snapshot": json.loads(told["model_snapshot"])}

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


ONE = report(ModelStatus("a", (version(1, "/store/a.mar"), version(2, "/else/b.mar")), default=1))


def test_a_snapshot_has_the_models_and_all_other_keys(tmp_path: Path) -> None:
    async def story() -> None:
        scene = Scene(tmp_path / "logs" / "config", ONE)
        await scene.snapshots.start()
        told = scene.read("startup.cfg")
        assert {key: told[key] for key in PROPERTIES} == PROPERTIES
        snapshot = told["model_snapshot"]
        assert (snapshot["name"], snapshot["modelCount"]) == ("startup.cfg", 1)
        assert snapshot["models"]["a"]["1.0"] == {
            "defaultVersion": True,
            "marName": "a.mar",
            "minWorkers": 1,
            "maxWorkers": 3,
            "batchSize": 4,
            "maxBatchDelay": 20,
            "responseTimeout": 120,
            "startupTimeout": 120,
            "runtimeType": "python",
        }
        other = snapshot["models"]["a"]["2.0"]
        assert (other["defaultVersion"], other["marName"]) == (False, "/else/b.mar")
        await scene.snapshots.close()

    asyncio.run(story())


def test_each_change_of_models_is_a_snapshot_and_nothing_else_is(tmp_path: Path) -> None:
    async def story() -> None:
        scene = Scene(tmp_path, ONE)
        await scene.snapshots.start()
        await scene.change(ONE)
        assert scene.names() == ["startup.cfg"]
        await scene.change(report(ModelStatus("a", (version(1, "/store/a.mar", 2),))))
        await scene.snapshots.close()
        assert set(scene.names()) == {"20231114221320500-snapshot.cfg", "shutdown.cfg", "startup.cfg"}
        assert scene.read("shutdown.cfg")["model_snapshot"]["models"]["a"]["1.0"]["minWorkers"] == 2

    asyncio.run(story())


def test_what_is_there_no_more_is_not_told(tmp_path: Path) -> None:
    gone = version(1, "/store/a.mar", None, State.GONE)

    async def story() -> None:
        scene = Scene(
            tmp_path,
            report(
                ModelStatus("a", (gone, version(2, "/store/a2.mar"))),
                ModelStatus("b", (gone,)),
                ModelStatus("c", (version(1, "/store/c.mar"),), known=False),
                ModelStatus("d", (version(3, "/store/d/3", None),)),
            ),
        )
        await scene.snapshots.start()
        models = scene.read("startup.cfg")["model_snapshot"]["models"]
        assert {name: list(versions) for name, versions in models.items()} == {"a": ["2.0"], "d": ["3.0"]}
        assert models["d"]["3.0"] == {"defaultVersion": True, "marName": "d"}
        await scene.snapshots.close()

    asyncio.run(story())


def test_a_server_that_did_not_start_writes_none(tmp_path: Path) -> None:
    async def story() -> None:
        scene = Scene(tmp_path, ONE)
        await scene.snapshots.close()
        assert scene.names() == []

    asyncio.run(story())


def test_a_folder_that_cannot_be_written_to_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    async def story() -> None:
        scene = Scene(tmp_path / "file", ONE)
        await scene.snapshots.start()
        await scene.change(StatusReport())
        await scene.snapshots.close()

    asyncio.run(story())
    assert (tmp_path / "file").read_text() == "no folder"
