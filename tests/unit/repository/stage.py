"""A repository on disk of toy models, whose files say how they load, and a manager over it."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from shutil import rmtree
from typing import Any, ClassVar

from dragoman.core.errors import Code, DragomanError
from dragoman.core.status import State, StatusReport, VersionStatus
from dragoman.engines.base import Artifact, Claim, Engine, LoadedModel, Resources, TreeSnapshot
from dragoman.execution.runners import LocalRunner
from dragoman.repository.archives.opening import Archives
from dragoman.repository.arrivals import Arrivals
from dragoman.repository.brought import Brought
from dragoman.repository.clock import Clock
from dragoman.repository.handle import Runner
from dragoman.repository.loader import LoadedVersion, ModelLoader
from dragoman.repository.manager import ModelManager, Rules
from dragoman.repository.source import AspiredModel, Candidate, FileSystemSource
from dragoman.repository.stability import StabilityRules
from dragoman.settings.archives import ArchiveSettings
from dragoman.settings.model import ModelSettings
from dragoman.settings.registration import RegistrationSettings
from tests.unit.execution.models import Doubler

FILE = "model.toy"
NO_REGISTRATION = RegistrationSettings()
SETTLE_S = 2.0


class ToyEngine(Engine):
    """Loads `model.toy`; the text in it says what happens then."""

    name: ClassVar[str] = "toy"
    looks_for: ClassVar[str] = "model.toy"

    def __init__(self) -> None:
        self.loads = 0
        self.models: list[Doubler] = []
        self.on_load: Callable[[], object] = lambda: None
        self.gate = threading.Event()  # a file that says `wait` loads when this is set

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        found = [name for name in files.top_level if name.endswith(".toy")]
        return Claim(found[0], (found[0],)) if len(found) == 1 else None

    def estimate(self, artifact: Artifact) -> Resources:
        return Resources(1)

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> LoadedModel:
        self.loads += 1
        text = Path(artifact.path).read_text()
        self.on_load()
        if text == "wait":
            self.gate.wait(30)
        if text == "bad":
            raise DragomanError(Code.INTERNAL, "model.toy is bad")
        if text == "final":
            raise DragomanError(Code.FAILED_PRECONDITION, "the package toys is missing")
        if text == "explodes":
            raise RuntimeError(f"secret {artifact.path}")
        self.models.append(Doubler())
        return self.models[-1]


class Stage:
    """A folder of models, and a manager that has not started."""

    def __init__(
        self, root: Path, patience_s: float = 10.0, registration: RegistrationSettings = NO_REGISTRATION
    ) -> None:
        self.root = root
        self.engine = ToyEngine()
        self.pauses: list[float] = []
        self.seen: list[tuple[str, int, State]] = []
        self.refuse_runners = False
        self.now_s = 1000.0
        self.warm_up: Callable[[Candidate, LoadedVersion], None] = lambda candidate, version: None
        self.during_pause: Callable[[], object] = lambda: None  # instead of waiting
        engines = {"toy": self.engine}
        self.unpacked = root / ".unpacked"  # hidden, hence no model
        if root.is_dir():
            self.unpacked.mkdir()
        self.archives = Archives(ArchiveSettings(folder=str(self.unpacked)))
        self.arrivals = Arrivals(registration, lambda: ModelSettings(trust="code"), str(root.parent))
        self.source = FileSystemSource(str(root), engines)
        self.manager = ModelManager(
            self.source,
            ModelLoader(engines, archives=self.archives),
            self._runner,
            observer=self._observe,
            warm_up=self._warm_up,
            brought=Brought(
                uploaded=self._uploaded,
                registers=registration.enabled,
                registered=self.arrivals.take,
                discard=self.arrivals.discard,
            ),
            rules=Rules(stability=StabilityRules(settle_s=SETTLE_S), patience_s=patience_s),
            clock=Clock(lambda: self.now_s, self._sleep),
        )

    def write(self, model: str, version: int | str = 1, text: str = "ok") -> Path:
        """One version folder."""
        return write(self.root / model / str(version), text)

    def sidecar(self, model: str, text: str) -> None:
        """The model's model.yaml."""
        (self.root / model).mkdir(exist_ok=True)
        (self.root / model / "model.yaml").write_text(text)

    def run(self, story: Coroutine[Any, Any, None]) -> None:
        """Play a story, then close the manager."""

        async def whole() -> None:
            try:
                await story
            finally:
                self.engine.gate.set()
                await self.manager.close()

        asyncio.run(whole())

    async def poll(self, after_s: float = 0.0) -> bool:
        """A poll so many seconds after the last one, and what it begins brought to its end."""
        self.now_s += after_s
        restless = await self.manager.poll()
        await self.manager._table.rest(self.manager._table.entries.values(), None)
        return restless

    def next_load(self) -> asyncio.Event:
        """What is set when the engine is asked for a model the next time."""
        begun, loop = asyncio.Event(), asyncio.get_running_loop()
        self.engine.on_load = lambda: loop.call_soon_threadsafe(begun.set)
        return begun

    async def until_loads(self, count: int) -> None:
        """Wait until so many loads have brought a change."""
        await self.manager.wait_until(lambda _: self.engine.loads >= count, 30)

    def gone_meanwhile(self, folder: Path) -> None:
        """In the pause before another try the folder goes, and a poll sees it."""

        async def vanish() -> None:
            rmtree(folder)
            await self.manager.poll()

        self.during_pause = vanish

    def states(self, model: str) -> dict[int, State]:
        """The state of each version."""
        return states(self.manager.report, model)

    def _uploaded(self, name: str, folder: str) -> AspiredModel:
        return FileSystemSource(folder, {"toy": self.engine}).model(name)

    def _warm_up(self, candidate: Candidate, version: LoadedVersion) -> None:
        self.warm_up(candidate, version)

    def _observe(self, model: str, version: VersionStatus) -> None:
        self.seen.append((model, version.version, version.state))

    def _runner(self, model: LoadedModel, settings: ModelSettings, name: str, version: int) -> Runner:
        """Runs calls as the server does."""
        if self.refuse_runners:
            raise RuntimeError("no threads left")
        return LocalRunner(model, name, 1, 1)

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        done = self.during_pause()
        if asyncio.iscoroutine(done):
            await done


def write(folder: Path, text: str = "ok", file: str = FILE) -> Path:
    """A folder with a toy model."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(text)
    return folder


def states(report: StatusReport, model: str) -> dict[int, State]:
    """The state of each version of one model."""
    return {version.version: version.state for version in report.models[model].versions}
