"""Pipelines as models of the repository: their state follows that of the models they are made of."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from dragoman.core.control import Load, PlacedModel, Reload, ReplaceModels, Unload
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.override import Override
from dragoman.core.requests import Target
from dragoman.core.status import State, StatusReport
from dragoman.engines.base import LoadedModel
from dragoman.execution.runners import LocalRunner
from dragoman.repository.brought import Brought
from dragoman.repository.clock import Clock
from dragoman.repository.configured import ConfiguredSource, Pipelines
from dragoman.repository.handle import Runner
from dragoman.repository.loader import Composed, ModelLoader
from dragoman.repository.manager import ModelManager, Rules
from dragoman.repository.source import Candidate
from dragoman.repository.stability import StabilityRules
from dragoman.settings.model import ModelSettings
from dragoman.settings.overlay import ModelOverlay
from dragoman.settings.pipeline import NodeLibrary, PipelineSettings
from tests.unit.execution.models import Doubler
from tests.unit.repository.stage import SETTLE_S, ToyEngine, states, write

READY, FAILED, GONE, NEW, LOADING = State.READY, State.FAILED, State.GONE, State.NEW, State.LOADING
MISSING = "Pipeline definition has reference to missing model"


class Closing(LocalRunner):
    """A runner that says when it is closed."""

    def __init__(self) -> None:
        self.doubler = Doubler()
        super().__init__(self.doubler, "p", 1, 1)


class Stage:
    """A repository of toy models, and pipelines that are put together where all their models serve."""

    def __init__(
        self, root: Path, *graphs: PipelineSettings, libraries: tuple[NodeLibrary, ...] = ()
    ) -> None:
        self.root = root
        self.engine = ToyEngine()
        self.now_s = 1000.0
        self.candidates: list[Candidate] = []  # as they were put together
        self.runners: list[Closing] = []
        self.refusal: DragomanError | None = None
        self.on_compose: Callable[[], object] = lambda: None
        self.seen: list[tuple[str, State]] = []
        self.manager = ModelManager(
            self.source(*graphs, libraries=libraries),
            ModelLoader({"toy": self.engine}, compose=self.compose),
            self._runner,
            observer=lambda model, version: self.seen.append((model, version.state)),
            brought=Brought(listed=lambda request, _: self.source(*graphs)),
            rules=Rules(stability=StabilityRules(settle_s=SETTLE_S), patience_s=5),
            clock=Clock(lambda: self.now_s, self._sleep),
        )

    def source(self, *graphs: PipelineSettings, libraries: tuple[NodeLibrary, ...] = ()) -> ConfiguredSource:
        """The models in the folder and these pipelines."""
        pipelines = Pipelines(tuple(graphs), libraries)
        return ConfiguredSource([str(self.root)], (), ModelOverlay(), {"toy": self.engine}, pipelines)

    def compose(self, candidate: Candidate) -> Composed:
        """What the server would put together, where all models serve."""
        self.candidates.append(candidate)
        self.on_compose()
        if self.refusal is not None:
            raise self.refusal
        for part in candidate.parts:
            if part.signatures is None:
                raise DragomanError(Code.FAILED_PRECONDITION, f"{MISSING} - {part.model}")
        self.runners.append(Closing())
        return Composed({"serving_default": Doubler().signatures["serving_default"]}, self.runners[-1])

    def run(self, story: Coroutine[Any, Any, None]) -> None:
        """Play a story, then close the manager."""

        async def whole() -> None:
            try:
                await story
            finally:
                self.engine.gate.set()
                await self.manager.close()

        asyncio.run(whole())

    async def poll(self, after_s: float = SETTLE_S) -> None:
        """A poll after so many seconds, and what it begins brought to its end."""
        self.now_s += after_s
        await self.manager.poll()
        await self.manager._table.rest(self.manager._table.entries.values(), None)

    def states(self, model: str = "p") -> dict[int, State]:
        """The state of each version."""
        return states(self.manager.report, model)

    @property
    def cause(self) -> str:
        """Why the pipeline does not serve."""
        cause = self.manager.report.models["p"].versions[0].cause
        return "" if cause is None else cause.message

    def _runner(self, model: LoadedModel, settings: ModelSettings, name: str, version: int) -> Runner:
        return LocalRunner(model, name, 1, 1)

    async def _sleep(self, seconds: float) -> None:
        """Nobody waits."""


def graph(name: str = "p", *calls: tuple[str, int | None], **more: Any) -> PipelineSettings:
    """A pipeline that calls these models and versions, one after the other."""
    nodes = [
        {
            "name": f"n{number}",
            "model": model,
            "version": version,
            "inputs": {"x": {"node": "request", "output": "x"}},
        }
        for number, (model, version) in enumerate(calls or [("half", None)])
    ]
    outputs = {"y": {"node": "n0", "output": "y"}}
    return msgspec.convert(
        {"name": name, "inputs": ["x"], "nodes": nodes, "outputs": outputs, **more}, PipelineSettings
    )


async def until(stage: Stage, state: State, model: str = "p", version: int = 1) -> None:
    """Wait for one version's state."""

    def reached(report: StatusReport) -> bool:
        return model in report.models and states(report, model).get(version) is state

    await stage.manager.wait_until(reached, 30)


def test_a_pipeline_serves_after_the_start_as_a_model_of_version_one(tmp_path):
    write(tmp_path / "half" / "7")
    stage = Stage(tmp_path, graph())

    async def story() -> None:
        report = await stage.manager.start()
        status = report.models["p"].versions[0]
        assert (status.version, status.state, status.engine) == (1, READY, "pipeline")
        assert list(status.signatures) == ["serving_default"]
        handle = stage.manager.pin(Target("p"))
        assert (handle.model, handle.version) == ("p", 1)
        handle.release()
        assert report.ready

    stage.run(story())


def test_it_waits_for_models_on_their_way_and_is_put_together_once(tmp_path):
    write(tmp_path / "half" / "1", "wait")
    write(tmp_path / "other" / "1")
    stage = Stage(tmp_path, graph("p", ("half", None), ("other", None)))

    async def story() -> None:
        starting = asyncio.ensure_future(stage.manager.start())
        await until(stage, READY, "other")
        assert stage.states() == {1: NEW}
        assert not starting.done()
        stage.engine.gate.set()
        await starting
        assert stage.states() == {1: READY}
        assert len(stage.candidates) == 1
        assert ("p", FAILED) not in stage.seen

    stage.run(story())


def test_it_fails_with_its_cause_where_a_model_does_not_load_and_the_server_is_ready_all_the_same(tmp_path):
    write(tmp_path / "half" / "1", "bad")
    write(tmp_path / "other" / "1")
    stage = Stage(tmp_path, graph())

    async def story() -> None:
        report = await stage.manager.start()
        assert stage.states() == {1: FAILED}
        assert report.models["p"].versions[0].engine == "pipeline"
        assert stage.cause == f"{MISSING} - half"
        assert report.ready
        with pytest.raises(DragomanError) as caught:
            stage.manager.pin(Target("p"))
        assert (caught.value.code, caught.value.reason) == (Code.UNAVAILABLE, Reason.PIPELINE_NOT_READY)

    stage.run(story())


def test_it_fails_where_there_is_no_such_model_and_serves_once_there_is(tmp_path):
    stage = Stage(tmp_path, graph())

    async def story() -> None:
        await stage.manager.start()
        assert stage.states() == {1: FAILED}
        write(tmp_path / "half" / "1")
        await stage.manager.control(Reload())
        assert stage.states() == {1: READY}

    stage.run(story())


def test_it_goes_when_its_model_does_and_comes_back_with_it(tmp_path):
    write(tmp_path / "half" / "1")
    stage = Stage(tmp_path, graph())

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Unload("half"))
        await until(stage, FAILED)
        assert stage.cause == f"{MISSING} - half"
        await until(stage, GONE, "half")
        await stage.manager.control(Load("half"))
        await until(stage, READY)

    stage.run(story())


def test_it_goes_on_serving_while_a_model_is_exchanged_and_is_made_anew_of_the_new_version(tmp_path):
    write(tmp_path / "half" / "1")
    stage = Stage(tmp_path, graph())
    composing = threading.Event()

    async def story() -> None:
        await stage.manager.start()
        stage.on_compose = lambda: composing.wait(30)
        write(tmp_path / "half" / "2")
        reloading = asyncio.ensure_future(stage.manager.control(Reload()))
        await until(stage, READY, "half", 2)
        assert stage.states() == {1: READY}
        stage.manager.pin(Target("p")).release()
        composing.set()
        await reloading
        assert len(stage.candidates) == 2
        assert stage.candidates[0] != stage.candidates[1]
        assert [runner.doubler.closed for runner in stage.runners] == [1, 0]

    stage.run(story())


def test_it_serves_while_a_model_that_lets_go_first_is_away(tmp_path):
    write(tmp_path / "half" / "1")
    (tmp_path / "half" / "model.yaml").write_text("version_transition: resource_preserving")
    stage = Stage(tmp_path, graph())

    async def story() -> None:
        await stage.manager.start()
        write(tmp_path / "half" / "2", "wait")
        reloading = asyncio.ensure_future(stage.manager.control(Reload("half")))
        await until(stage, LOADING, "half", 2)
        assert stage.states() == {1: READY}
        stage.engine.gate.set()
        await reloading
        await until(stage, READY)
        assert ("p", FAILED) not in stage.seen

    stage.run(story())


def test_a_version_that_a_node_names_is_followed_and_others_are_not(tmp_path):
    write(tmp_path / "half" / "1")
    write(tmp_path / "half" / "2")
    (tmp_path / "half" / "model.yaml").write_text("versions: all")
    stage = Stage(tmp_path, graph("p", ("half", 1)))

    async def story() -> None:
        await stage.manager.start()
        assert [(part.model, part.version) for part in stage.candidates[0].parts] == [("half", 1)]
        await stage.manager.control(Unload("half", 2))
        assert (stage.states(), len(stage.candidates)) == ({1: READY}, 1)
        await stage.manager.control(Unload("half", 1))
        await until(stage, FAILED)

    stage.run(story())


def test_models_that_do_not_fit_any_more_take_the_pipeline_with_them(tmp_path):
    write(tmp_path / "half" / "1")
    stage = Stage(tmp_path, graph())

    async def story() -> None:
        await stage.manager.start()
        stage.refusal = DragomanError(
            Code.INVALID_ARGUMENT, "Invalid input shape - n0", reason=Reason.MODELS_MISFIT
        )
        write(tmp_path / "half" / "2")
        await stage.manager.control(Reload())
        await until(stage, FAILED)
        assert stage.cause == "Invalid input shape - n0"
        cause = stage.manager.report.models["p"].versions[0].cause
        assert cause is not None
        assert (cause.code, cause.reason) == (Code.INVALID_ARGUMENT, Reason.MODELS_MISFIT)
        assert [runner.doubler.closed for runner in stage.runners] == [1]

    stage.run(story())


def test_an_old_pipeline_ends_its_requests_before_it_is_closed(tmp_path):
    write(tmp_path / "half" / "1")
    stage = Stage(tmp_path, graph())

    async def story() -> None:
        await stage.manager.start()
        held = stage.manager.pin(Target("p"))
        write(tmp_path / "half" / "2")
        reloading = asyncio.ensure_future(stage.manager.control(Reload()))
        await stage.manager.wait_until(lambda _: len(stage.runners) == 2, 30)
        await until(stage, READY)
        assert stage.runners[0].doubler.closed == 0
        held.release()
        await reloading
        assert [runner.doubler.closed for runner in stage.runners] == [1, 0]

    stage.run(story())


def test_operators_can_unload_load_and_reload_it(tmp_path):
    write(tmp_path / "half" / "1")
    stage = Stage(tmp_path, graph())

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Unload("p"))
        assert (stage.states(), stage.states("half")) == ({1: GONE}, {1: READY})
        await stage.manager.control(Load("p"))
        assert stage.states() == {1: READY}
        assert not (await stage.manager.control(Reload("p"))).changed

    stage.run(story())


def test_a_library_that_has_changed_is_loaded_anew_at_a_reload_only(tmp_path):
    write(tmp_path / "models" / "half" / "1")
    file = tmp_path / "cutter.py"
    file.write_text("1")
    settings = graph("p", ("half", None))
    calling = msgspec.convert(
        {"name": "cut", "library": "cutter", "inputs": {}, "outputs": {"y": "y"}}, type(settings.nodes[0])
    )
    settings = msgspec.structs.replace(settings, nodes=(*settings.nodes, calling))
    library = NodeLibrary(name="cutter", path=str(file), trust="code")
    stage = Stage(tmp_path / "models", settings, libraries=(library,))

    async def story() -> None:
        await stage.manager.start()
        assert stage.candidates[0].libraries == (library,)
        file.write_text("22")
        await stage.poll()
        assert len(stage.candidates) == 1
        await stage.manager.control(Reload())
        assert len(stage.candidates) == 2
        stage.refusal = DragomanError(Code.INVALID_ARGUMENT, "cutter.py line 1")
        file.write_text("333")
        await stage.manager.control(Reload())
        assert stage.states() == {1: FAILED}
        stage.refusal = None
        file.write_text("4444")
        await stage.poll()
        assert stage.states() == {1: FAILED}  # it may be half written
        await stage.poll()
        assert stage.states() == {1: READY}

    stage.run(story())


def test_a_failed_pipeline_is_not_tried_again_by_polls(tmp_path):
    stage = Stage(tmp_path, graph())

    async def story() -> None:
        await stage.manager.start()
        for _ in range(3):
            await stage.poll()
        assert len(stage.candidates) == 1

    stage.run(story())


def test_other_settings_bring_other_pipelines_and_those_left_out_go(tmp_path):
    write(tmp_path / "half" / "1")
    stage = Stage(tmp_path, graph("p"), graph("q"))

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.take_source(stage.source(graph("p", ("half", 1)), graph("r")))
        assert {name: stage.states(name) for name in "pqr"} == {
            "p": {1: READY}, "q": {1: GONE}, "r": {1: READY},
        }  # fmt: skip
        assert stage.candidates[-2].pipeline == graph("p", ("half", 1))
        assert stage.manager.report.models["half"].versions[0].state is READY

    stage.run(story())


def test_a_pipeline_may_become_a_model_and_a_model_a_pipeline(tmp_path):
    write(tmp_path / "half" / "1")
    stage = Stage(tmp_path, graph("p"))

    async def story() -> None:
        await stage.manager.start()
        write(tmp_path / "p" / "1")
        await stage.manager.control(Reload())
        assert stage.manager.report.models["p"].versions[0].engine == "toy"
        (tmp_path / "p" / "1" / "model.toy").unlink()
        (tmp_path / "p" / "1").rmdir()
        (tmp_path / "p").rmdir()
        await stage.manager.control(Reload())
        assert stage.manager.report.models["p"].versions[0].engine == "pipeline"
        assert stage.states() == {1: READY}

    stage.run(story())


def test_a_pipeline_is_no_part_of_another_and_waits_for_none(tmp_path):
    stage = Stage(tmp_path, graph("p", ("q", None)), graph("q", ("p", None)))

    async def story() -> None:
        await stage.manager.start()
        assert (stage.states("p"), stage.states("q")) == ({1: FAILED}, {1: FAILED})
        assert all(candidate.parts[0].is_pipeline for candidate in stage.candidates)

    stage.run(story())


def test_a_list_of_models_leaves_pipelines_as_they_are(tmp_path):
    write(tmp_path / "half" / "1")
    stage = Stage(tmp_path, graph("p"))

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(ReplaceModels((PlacedModel("half", str(tmp_path / "half")),)))
        assert stage.states() == {1: READY}

    stage.run(story())


def test_a_taken_name_is_the_models_and_said_in_its_notes(tmp_path):
    write(tmp_path / "half" / "1")
    stage = Stage(tmp_path, graph("half"))

    async def story() -> None:
        with capture_logs() as logs:
            report = await stage.manager.start()
        assert report.models["half"].versions[0].engine == "toy"
        assert report.models["half"].notes == ("Pipeline has the same name as model",)
        assert any(entry.get("note") == "half: Pipeline has the same name as model" for entry in logs)

    stage.run(story())


def test_an_input_that_goes_nowhere_is_a_note(tmp_path):
    write(tmp_path / "half" / "1")
    stage = Stage(tmp_path, graph("p", inputs=["x", "idle"]))

    async def story() -> None:
        report = await stage.manager.start()
        assert report.models["p"].notes == ("inputs: idle goes nowhere, and is none",)

    stage.run(story())


@pytest.mark.parametrize(("any_version", "served"), [(True, True), (False, False)])
def test_callers_may_name_any_version_where_the_settings_say_so(tmp_path, any_version, served):
    write(tmp_path / "half" / "1")
    stage = Stage(tmp_path, graph("p", any_version=any_version))

    async def story() -> None:
        await stage.manager.start()
        stage.manager.pin(Target("p", version=1)).release()
        if served:
            handle = stage.manager.pin(Target("p", version=7))
            assert handle.version == 1
            handle.release()
        else:
            with pytest.raises(DragomanError) as caught:
                stage.manager.pin(Target("p", version=7))
            assert caught.value.reason is Reason.VERSION_UNKNOWN

    stage.run(story())


def test_what_breaks_down_while_a_pipeline_is_put_together_is_not_told_to_strangers(tmp_path):
    write(tmp_path / "half" / "1")
    stage = Stage(tmp_path, graph("p"))

    def explode() -> None:
        raise RuntimeError(f"secret {tmp_path}")

    stage.on_compose = explode

    async def story() -> None:
        await stage.manager.start()
        assert stage.cause == "p does not load; the server's log tells more"

    stage.run(story())


def test_a_server_without_pipelines_says_so(tmp_path):
    write(tmp_path / "half" / "1")
    stage = Stage(tmp_path, graph("p"))
    engines = {"toy": stage.engine}
    stage.manager = ModelManager(stage.source(graph("p")), ModelLoader(engines), stage._runner)

    async def story() -> None:
        await stage.manager.start()
        assert stage.cause == "this server runs no pipelines"

    stage.run(story())


def test_trust_in_every_models_code_counts_for_libraries_too():
    library = NodeLibrary(name="cutter", path="cutter.py")
    settings = msgspec.structs.replace(graph("p"), nodes=(
        msgspec.convert({"name": "n0", "library": "cutter"}, type(graph().nodes[0])),
    ))  # fmt: skip
    pipelines = Pipelines((settings,), (library, NodeLibrary(name="idle", path="idle.py")))
    for trust, expected in (("code", "code"), ("data", "data")):
        every_model = ModelOverlay(trust=trust)
        model = ConfiguredSource((), (), every_model, {}, pipelines).aspired().models["p"]
        assert [(one.name, one.trust) for one in model.candidates[0].libraries] == [("cutter", expected)]


def test_its_models_go_with_it_where_that_is_asked_and_come_back_with_it(tmp_path):
    for name in ("half", "other", "alone"):
        write(tmp_path / name / "1")
    stage = Stage(tmp_path, graph("p", ("half", None), ("other", None)), graph("q"))

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Unload("p", parts=True, waits=False))
        assert [stage.states(name) for name in ("p", "other")] == [{1: GONE}, {1: GONE}]
        assert [stage.states(name) for name in ("half", "q", "alone")] == [
            {1: READY}
        ] * 3  # q is made of half
        await stage.manager.control(Load("p"))
        assert [stage.states(name) for name in ("p", "other")] == [{1: READY}, {1: READY}]
        await stage.manager.control(Unload("q"))
        await stage.manager.control(Unload("p", parts=True))
        assert [stage.states(name) for name in ("p", "half", "other")] == [{1: GONE}] * 3

    stage.run(story())


def test_what_was_unloaded_by_itself_does_not_come_back_with_a_pipeline(tmp_path):
    write(tmp_path / "half" / "1")
    stage = Stage(tmp_path, graph("p"))

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Unload("p"))
        await stage.manager.control(Unload("half"))
        with pytest.raises(DragomanError, match="missing model"):
            await stage.manager.control(Load("p"))
        assert stage.states("half") == {1: GONE}

    stage.run(story())


def test_it_has_no_configuration_to_replace(tmp_path):
    write(tmp_path / "half" / "1")
    stage = Stage(tmp_path, graph("p"))

    async def story() -> None:
        await stage.manager.start()
        with pytest.raises(DragomanError, match="'p' is a pipeline"):
            await stage.manager.control(Load("p", override=Override()))
        assert stage.states() == {1: READY}

    stage.run(story())
