"""Node libraries are loaded once for each set of params, and closed when nobody uses them."""

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.base import Artifact, Engine, LoadedModel
from dragoman.execution.pipelines.libraries import NodeLibraries
from dragoman.settings.model import WorkerSettings
from dragoman.settings.pipeline import NodeLibrary
from tests.unit.execution.models import Doubler
from tests.unit.repository.stage import ToyEngine


class LibraryEngine(ToyEngine):
    """Loads every library as a doubler; one that is called bad does not load."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[tuple[Artifact, Mapping[str, Any]]] = []
        self.entered = threading.Event()

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> LoadedModel:
        self.loaded.append((artifact, options))
        self.entered.set()
        if artifact.model == "slow":
            self.gate.wait(30)
        if artifact.model == "bad":
            raise DragomanError(Code.INTERNAL, "it raised")
        self.models.append(Doubler())
        return self.models[-1]


@pytest.fixture
def engine() -> LibraryEngine:
    return LibraryEngine()


@pytest.fixture
def libraries(engine: Engine) -> NodeLibraries:
    loop = asyncio.new_event_loop()
    loop.close()
    return NodeLibraries(engine, loop)


def library(folder: Path, name: str = "cutter", **more: Any) -> NodeLibrary:
    path = folder / f"{name}.py"
    path.touch()
    return NodeLibrary(name=name, path=str(path), trust="code", **more)


def test_the_engine_is_told_the_file_its_settings_and_the_params(tmp_path, engine, libraries):
    given = library(tmp_path, instances=3, max_queue=5, worker=WorkerSettings(memory_bytes=7))
    lease = libraries.lease(given, {"size": "2"})
    artifact, options = engine.loaded[0]
    assert (artifact.path, artifact.model, options) == (given.path, "cutter", {"size": "2"})
    settings = artifact.settings
    assert (settings.instances, settings.max_queue, settings.worker.memory_bytes) == (3, 5, 7)
    assert list(lease.handle.signatures) == ["serving_default"]
    lease.give_back()


def test_nodes_of_equal_params_share_a_library_until_the_last_gives_it_back(tmp_path, engine, libraries):
    given = library(tmp_path)
    one, other = libraries.lease(given, {"a": "1", "b": "2"}), libraries.lease(given, {"b": "2", "a": "1"})
    assert one.handle is other.handle
    one.give_back()
    assert engine.models[0].closed == 0
    other.give_back()
    assert engine.models[0].closed == 1
    libraries.lease(given, {"a": "1", "b": "2"}).give_back()
    assert len(engine.loaded) == 2


def test_other_params_settings_or_files_make_another_library(tmp_path, engine, libraries):
    given = library(tmp_path)
    leases = [libraries.lease(given, {}), libraries.lease(given, {"a": "1"})]
    leases.append(libraries.lease(replace(given, instances=2), {}))
    Path(given.path).write_text("# changed")
    leases.append(libraries.lease(given, {}))
    assert len({id(lease.handle) for lease in leases}) == 4
    for lease in leases:
        lease.give_back()
    assert [model.closed for model in engine.models] == [1, 1, 1, 1]


def test_a_library_that_does_not_load_is_tried_again_when_it_is_asked_for_again(tmp_path, engine, libraries):
    for _ in range(2):
        with pytest.raises(DragomanError, match="it raised"):
            libraries.lease(library(tmp_path, "bad"), {})
    assert len(engine.loaded) == 2


def test_who_asks_while_it_loads_gets_the_same(tmp_path, engine, libraries):
    given = library(tmp_path, "slow")
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(libraries.lease, given, {})
        assert engine.entered.wait(30)
        second = threads.submit(libraries.lease, given, {})
        engine.gate.set()
        assert first.result().handle is second.result().handle
    assert len(engine.loaded) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trust": "data"},
         'node library "cutter" is code, which runs only where it is trusted: set trust: code in '
         "node_libraries, or start with --trust-code"),
        ({"path": "lib_cutter.so"},
         'Pipeline refers to incorrect library - node library "cutter" is no Python file; '
         "a C library has to be ported to one"),
    ],
)  # fmt: skip
def test_what_may_not_be_run_is_not_touched(tmp_path, engine, libraries, changes, message):
    with pytest.raises(DragomanError) as caught:
        libraries.lease(replace(library(tmp_path), **changes), {})
    assert (caught.value.code, caught.value.message) == (Code.FAILED_PRECONDITION, message)
    assert engine.loaded == []


def test_a_file_that_is_not_there_is_told_by_the_librarys_name(tmp_path, engine, libraries):
    with pytest.raises(DragomanError) as caught:
        libraries.lease(NodeLibrary(name="cutter", path=str(tmp_path / "gone.py"), trust="code"), {})
    assert caught.value.message == 'node library "cutter": there is no such file or folder'
    assert str(tmp_path) not in caught.value.message
