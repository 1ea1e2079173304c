"""Models that are loaded with a configuration, or with files, that came with a request."""

import asyncio
from pathlib import Path

import pytest

from dragoman.core.configuration import Batching, ModelConfiguration, VersionChoice
from dragoman.core.control import Load, PlacedModel, Reload, ReplaceModels, SetLabels, Unload
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.override import DemandedTensor, Demands, Override
from dragoman.core.requests import Target
from dragoman.core.status import State
from tests.unit.repository.stage import FILE, Stage

READY, FAILED, GONE, LOADING = State.READY, State.FAILED, State.GONE, State.LOADING
SIXTEEN = Override(configuration=ModelConfiguration(batching=Batching(16)))
ALL = Override(choice=VersionChoice(all=True))
WRONG = Override(demands=Demands(inputs=(DemandedTensor("nope"),)))
BATCHED = "batching: {max_size: 8}\n"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def rows(stage: Stage, version: int = 1) -> int | None:
    """The largest batch of a version of `half`."""
    status = stage.manager.report.models["half"].version(version)
    assert status is not None
    assert status.configuration is not None
    batching = status.configuration.batching
    return None if batching is None else batching.rows


def files(text: str = "ok", version: int = 1) -> Override:
    return Override(files={f"{version}/{FILE}": text.encode()})


async def refusal(stage: Stage, request: Load) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        await stage.manager.control(request)
    return caught.value


async def uploads(stage: Stage) -> list[Path]:
    """The folders with files that came with requests, once nothing is under way."""
    while tasks := set(stage.manager._table._tasks):
        await asyncio.wait(tasks)
    return folders(stage)


def folders(stage: Stage) -> list[Path]:
    """The same as they are just now."""
    home = stage.manager._substitutes._uploads._home._path
    return sorted(path for path in Path(home).iterdir() if path.is_dir()) if home else []


def test_a_configuration_takes_the_models_own_place_until_it_is_loaded_without(stage: Stage) -> None:
    stage.write("half", 1)
    stage.sidecar("half", BATCHED)

    async def story() -> None:
        await stage.manager.start()
        assert rows(stage) == 8
        result = await stage.manager.control(Load("half", override=SIXTEEN))
        assert (result.model, result.changed, rows(stage)) == ("half", True, 16)
        assert any("came with a request" in note for note in result.report.models["half"].notes)
        await stage.manager.control(Load("half", override=Override()))
        assert rows(stage) is None
        await stage.manager.control(Reload("half"))
        assert rows(stage) is None
        await stage.manager.control(Load("half"))
        assert rows(stage) == 8
        assert stage.manager.report.models["half"].notes == ()

    stage.run(story())


def test_it_holds_through_polls_and_for_versions_that_come_later(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Load("half", override=SIXTEEN))
        await stage.poll()
        assert (stage.engine.loads, rows(stage)) == (2, 16)
        stage.write("half", 2)
        await stage.poll()
        await stage.poll(after_s=5)
        assert stage.states("half") == {1: GONE, 2: READY}
        assert rows(stage, 2) == 16

    stage.run(story())


def test_it_chooses_the_versions_that_serve(stage: Stage) -> None:
    stage.write("half", 1)
    stage.write("half", 2)

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Load("half", override=ALL))
        assert stage.states("half") == {1: READY, 2: READY}
        assert stage.manager.report.models["half"].choice == VersionChoice(all=True)
        await stage.manager.control(Unload("half", 1))
        assert stage.states("half") == {1: GONE, 2: READY}

    stage.run(story())


def test_the_old_configuration_serves_until_the_new_one_does(stage: Stage) -> None:
    folder = stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        held = stage.manager.pin(Target("half"))
        (folder / FILE).write_text("wait")
        begun = stage.next_load()
        loading = asyncio.create_task(stage.manager.control(Load("half", override=SIXTEEN)))
        await begun.wait()
        again = stage.manager.pin(Target("half"))
        assert again is held
        again.release()
        held.release()
        stage.engine.gate.set()
        await loading
        assert rows(stage) == 16
        assert stage.engine.models[0].closed == 1

    stage.run(story())


def test_what_does_not_fit_takes_nothing_away(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Load("half", override=SIXTEEN))
        before = stage.manager.pin(Target("half"))
        before.release()
        error = await refusal(stage, Load("half", override=WRONG))
        assert (error.code, error.reason) == (Code.INVALID_ARGUMENT, Reason.LOAD_FAILED)
        assert "config: input: the model has no input 'nope'; its inputs are x" in error.message
        after = stage.manager.pin(Target("half"))
        after.release()
        assert after is before
        assert rows(stage) == 16
        assert stage.engine.loads == 3
        await stage.poll(after_s=5)
        assert (stage.engine.loads, stage.states("half")) == (3, {1: READY})

    stage.run(story())


def test_a_model_that_is_unloaded_before_it_is_loaded_comes_back_as_it_was(stage: Stage) -> None:
    stage.write("half", 1)
    stage.sidecar("half", f"version_transition: resource_preserving\n{BATCHED}")

    async def story() -> None:
        await stage.manager.start()
        await refusal(stage, Load("half", override=WRONG))
        assert (stage.states("half"), rows(stage)) == ({1: READY}, 8)

    stage.run(story())


def test_a_model_that_was_unloaded_stays_so_where_the_load_fails(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Unload("half"))
        await refusal(stage, Load("half", override=WRONG))
        assert stage.states("half") == {1: GONE}
        await stage.manager.control(Load("half"))
        assert stage.states("half") == {1: READY}

    stage.run(story())


def test_labels_that_were_set_stay(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(SetLabels("half", {"stable": 1}))
        await stage.manager.control(Load("half", override=SIXTEEN))
        assert stage.manager.report.models["half"].labels == {"stable": 1}

    stage.run(story())


def test_a_model_that_is_not_there_has_no_configuration_to_replace(stage: Stage) -> None:
    async def story() -> None:
        await stage.manager.start()
        error = await refusal(stage, Load("nope", override=SIXTEEN))
        assert error.reason is Reason.MODEL_UNKNOWN
        assert dict(stage.manager.report.models) == {}

    stage.run(story())


def test_two_loads_at_once_are_done_one_after_the_other(stage: Stage) -> None:
    stage.write("half", 1, "wait")

    async def story() -> None:
        begun = stage.next_load()
        starting = asyncio.create_task(stage.manager.start())
        await begun.wait()
        first = asyncio.create_task(stage.manager.control(Load("half", override=WRONG)))
        second = asyncio.create_task(stage.manager.control(Load("half", override=SIXTEEN)))
        third = asyncio.create_task(stage.manager.control(Unload("half")))
        fourth = asyncio.create_task(stage.manager.control(Load("half", override=SIXTEEN)))
        stage.engine.gate.set()
        await asyncio.gather(first, second, third, fourth, starting, return_exceptions=True)
        assert isinstance(first.exception(), DragomanError)
        assert [task.exception() for task in (second, third, fourth)] == [None, None, None]
        assert (stage.states("half"), rows(stage)) == ({1: READY}, 16)
        assert stage.manager._control._turns._locks == {}

    stage.run(story())


@pytest.mark.parametrize(("override", "left"), [(SIXTEEN, 16), (WRONG, None)])
def test_whoever_asked_may_leave_meanwhile(stage: Stage, override: Override, left: int | None) -> None:
    folder = stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        (folder / FILE).write_text("wait")
        begun = stage.next_load()
        asking = asyncio.create_task(stage.manager.control(Load("half", override=override)))
        await begun.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        stage.engine.gate.set()
        await stage.manager.control(SetLabels("half", {}))  # whose turn comes after that
        assert (stage.states("half"), rows(stage)) == ({1: READY}, left)

    stage.run(story())


def test_settings_that_are_taken_over_make_an_end_of_it(stage: Stage) -> None:
    stage.write("half", 1)
    stage.sidecar("half", BATCHED)

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Load("half", override=SIXTEEN))
        await stage.manager.take_source(stage.source)
        assert rows(stage) == 8

    stage.run(story())


def test_a_model_that_goes_and_comes_back_has_its_own_configuration(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Load("half", override=SIXTEEN))
        stage.root.joinpath("half").rename(stage.root.parent / "elsewhere")
        await stage.poll()
        assert stage.manager.report.models["half"].known is False
        (stage.root.parent / "elsewhere").rename(stage.root / "half")
        await stage.poll()
        await stage.poll(after_s=5)
        assert (stage.states("half"), rows(stage)) == ({1: READY}, None)

    (stage.root / "models").mkdir()
    stage.root = stage.root / "models"
    stage.write("half", 1)
    stage.source._path = str(stage.root)
    stage.run(story())


# Files


def test_files_are_a_model_under_a_name_that_the_repository_lacks(stage: Stage) -> None:
    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Load("new", override=files()))
        assert stage.states("new") == {1: READY}
        stage.manager.pin(Target("new")).release()
        (folder,) = await uploads(stage)
        assert (folder / "1" / FILE).read_text() == "ok"
        assert [path.stat().st_mode & 0o077 for path in (folder, folder.parent, folder / "1")] == [0, 0, 0]
        await stage.poll()
        assert stage.states("new") == {1: READY}
        await stage.manager.control(Unload("new"))
        assert stage.states("new") == {1: GONE}
        assert stage.manager.report.models["new"].known is False
        error = await refusal(stage, Load("new"))
        assert error.reason is Reason.MODEL_UNKNOWN
        assert await uploads(stage) == []

    stage.run(story())


def test_files_hide_the_models_own_until_it_is_loaded_without(stage: Stage) -> None:
    stage.write("half", 1)
    stage.write("half", 7)

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Load("half", override=files(version=3)))
        assert stage.states("half") == {3: READY, 7: GONE}
        stage.write("half", 8)
        await stage.poll()
        await stage.poll(after_s=5)
        assert stage.states("half") == {3: READY, 7: GONE}
        await stage.manager.control(Load("half"))
        assert stage.states("half") == {3: GONE, 7: GONE, 8: READY}
        assert await uploads(stage) == []

    stage.run(story())


def test_files_stay_as_long_as_a_request_holds_what_is_made_of_them(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Load("half", override=files()))
        held = stage.manager.pin(Target("half"))
        await stage.manager.control(Unload("half", waits=False))
        assert stage.states("half") == {1: State.QUIESCING}
        assert len(folders(stage)) == 1
        held.release()
        await stage.manager.wait_until(lambda report: stage.states("half") == {1: GONE}, 30)
        await stage.manager.control(Load("half"))
        assert await uploads(stage) == []

    stage.run(story())


@pytest.mark.parametrize("text", ["bad", "explodes", "final"])
def test_files_that_do_not_load_leave_nothing_behind(stage: Stage, text: str) -> None:
    async def story() -> None:
        await stage.manager.start()
        error = await refusal(stage, Load("new", override=files(text)))
        assert error.reason is Reason.LOAD_FAILED
        assert dict(stage.manager.report.models) == {}
        assert await uploads(stage) == []
        assert (stage.engine.loads, stage.pauses) == (1, [])  # they cannot prove complete later
        with pytest.raises(DragomanError) as caught:
            stage.manager.pin(Target("new"))
        assert caught.value.reason is Reason.MODEL_UNKNOWN

    stage.run(story())


def test_files_that_are_no_model_are_told(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        error = await refusal(stage, Load("half", override=Override(files={"readme.txt": b"x"})))
        assert "half holds neither a version folder" in error.message
        assert stage.states("half") == {1: READY}
        assert await uploads(stage) == []

    stage.run(story())


def test_the_files_go_when_the_server_ends(stage: Stage) -> None:
    roots = []

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Load("new", override=files()))
        roots.append(folders(stage)[0].parent)

    stage.run(story())
    assert not roots[0].exists()
    assert stage.engine.models[0].closed == 1


# Unloading


def test_an_unload_need_not_wait_for_requests(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        held = stage.manager.pin(Target("half"))
        await stage.manager.control(Unload("half", waits=False))
        assert stage.states("half") == {1: State.QUIESCING}
        await stage.manager.control(Load("half"))
        assert stage.states("half") == {1: READY}
        assert stage.manager.pin(Target("half")) is not held
        held.release()

    stage.run(story())


def test_an_unload_of_what_nobody_holds_is_done_when_it_is_answered(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Unload("half", waits=False))
        assert stage.states("half") == {1: GONE}
        assert stage.engine.models[0].closed == 1

    stage.run(story())


def test_an_unload_need_not_wait_for_a_load(stage: Stage) -> None:
    stage.write("half", 1, "wait")

    async def story() -> None:
        begun = stage.next_load()
        starting = asyncio.create_task(stage.manager.start())
        await begun.wait()
        await stage.manager.control(Unload("half", waits=False))
        assert stage.states("half") == {1: LOADING}
        stage.engine.gate.set()
        await starting
        assert stage.states("half") == {1: GONE}

    stage.run(story())


def test_a_load_that_looks_loads_anew_what_has_changed_in_place(stage: Stage) -> None:
    folder = stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Load("half", looks=True))
        assert stage.engine.loads == 1
        (folder / "more.txt").write_text("x")
        await stage.manager.control(Load("half"))
        assert stage.engine.loads == 1
        await stage.manager.control(Load("half", looks=True))
        assert stage.engine.loads == 2

    stage.run(story())


def test_a_list_of_models_forgets_what_came_with_requests(stage: Stage) -> None:
    async def story() -> None:
        await stage.manager.start()
        with pytest.raises(DragomanError, match="repository alone"):
            await stage.manager.control(ReplaceModels((PlacedModel("half", "/"),)))

    stage.run(story())
