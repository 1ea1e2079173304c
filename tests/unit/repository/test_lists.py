"""Models that are replaced by others as a whole."""

import pytest

from dragoman.core.control import Load, PlacedModel, ReplaceModels, SetLabels, Unload
from dragoman.core.errors import Code, DragomanError
from dragoman.core.status import State
from dragoman.repository.configured import ConfiguredSource
from dragoman.settings.overlay import ModelOverlay, NamedModel
from tests.unit.repository.stage import Stage, states

READY, GONE = State.READY, State.GONE


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


def source(stage, *names, **more):
    models = [NamedModel(name=name, path=str(stage.root / name), **more) for name in names]
    return ConfiguredSource((), models, ModelOverlay(), {"toy": stage.engine})


def test_another_source_takes_over_whole(stage):
    stage.write("half", 1)
    stage.write("other", 2)

    async def story():
        await stage.manager.take_source(source(stage, "half"))
        report = await stage.manager.take_source(source(stage, "other"))
        assert (states(report, "half"), states(report, "other")) == ({1: GONE}, {2: READY})
        assert states(await stage.manager.reconcile(), "half") == {1: GONE}

    stage.run(story())


def test_a_source_that_cannot_say_what_it_wants_changes_nothing(stage, tmp_path):
    stage.write("half", 1)

    async def story():
        await stage.manager.start()
        broken = ConfiguredSource([str(tmp_path / "gone")], (), ModelOverlay(), {"toy": stage.engine})
        with pytest.raises(DragomanError):
            await stage.manager.take_source(broken)
        assert states(await stage.manager.reconcile(), "half") == {1: READY}

    stage.run(story())


def test_a_model_that_stays_as_it_is_is_not_loaded_again(stage):
    stage.write("half", 1)

    async def story():
        await stage.manager.take_source(source(stage, "half"))
        await stage.manager.take_source(source(stage, "half", labels={"stable": 1}))
        assert stage.engine.loads == 1
        assert stage.manager.report.models["half"].labels == {"stable": 1}

    stage.run(story())


def test_what_operators_asked_for_is_forgotten(stage):
    stage.write("half", 1)
    stage.write("half", 2)

    async def story():
        await stage.manager.start()
        await stage.manager.control(Load("half", 1))
        await stage.manager.control(SetLabels("half", {"old": 1}))
        await stage.manager.control(Unload("half", 2))
        report = await stage.manager.take_source(source(stage, "half", labels={"new": 2}))
        assert states(report, "half") == {1: GONE, 2: READY}
        assert report.models["half"].labels == {"new": 2}

    stage.run(story())


def replace(*names):
    return ReplaceModels(tuple(PlacedModel(name, f"/{name}") for name in names))


def listing(stage):
    """A manager that takes lists."""
    stage.manager._listed = lambda request, report: source(stage, *(model.name for model in request.models))
    return stage.manager


def test_a_list_is_answered_when_its_models_serve(stage):
    stage.write("half", 1)
    stage.write("other", 2)

    async def story():
        manager = listing(stage)
        await manager.start()
        result = await manager.control(replace("other"))
        assert result.changed
        assert (states(result.report, "half"), states(result.report, "other")) == ({1: GONE}, {2: READY})
        assert not (await manager.control(replace("other"))).changed

    stage.run(story())


def test_every_model_of_a_list_that_does_not_serve_is_told(stage):
    stage.write("half", 1)
    stage.write("bad", 1, "final")

    async def story():
        manager = listing(stage)
        with pytest.raises(DragomanError) as raised:
            await manager.control(replace("half", "bad", "gone"))
        assert raised.value.message == (
            "2 model(s) did not become available: {"
            "{{name: bad version: 1} due to error: the package toys is missing}, "
            "{{name: gone} due to error: gone: there is no such file or folder as its path names}, }"
        )
        assert states(manager.report, "half") == {1: READY}

    stage.run(story())


def test_a_server_without_lists_says_so(stage):
    async def story():
        with pytest.raises(DragomanError) as raised:
            await stage.manager.control(replace("half"))
        assert raised.value.code is Code.UNIMPLEMENTED

    stage.run(story())
