"""What polls take over, and when."""

import asyncio
from pathlib import Path
from shutil import rmtree

import pytest

from dragoman.core.control import Load, Reload, Unload
from dragoman.core.errors import DragomanError, Reason
from dragoman.core.requests import Target
from dragoman.core.status import State
from tests.unit.repository.stage import SETTLE_S, Stage, states, write

READY, FAILED, GONE, LOADING = State.READY, State.FAILED, State.GONE, State.LOADING
ALL = "versions: all\n"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def pinned(stage: Stage, **target: object) -> int:
    """The version that a target means."""
    handle = stage.manager.pin(Target("half", **target))  # type: ignore[arg-type]
    handle.release()
    return handle.version


def notes(stage: Stage, model: str = "half") -> tuple[str, ...]:
    return stage.manager.report.models[model].notes


# Settling


def test_a_new_version_is_loaded_once_it_has_rested(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        stage.write("half", 2)
        assert await stage.poll(1)
        assert stage.states("half") == {1: READY}
        assert notes(stage) == ("version 2 is still being copied, as it seems",)
        assert await stage.poll(SETTLE_S / 2)
        assert not await stage.poll(SETTLE_S / 2)
        assert stage.states("half") == {1: GONE, 2: READY}
        assert notes(stage) == ()

    stage.run(story())


def test_a_copier_with_pauses_is_waited_for(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        folder = stage.root / "half" / "2"
        steps = [
            folder.mkdir,
            lambda: (folder / "model.toy.part").write_text("o"),
            lambda: (folder / "model.toy.part").rename(folder / "model.toy"),
            lambda: (folder / "labels.txt").write_text("a"),
            lambda: (folder / "labels.txt").write_text("a\nb"),
        ]
        for step in steps:
            step()
            await stage.poll(SETTLE_S)
            assert stage.states("half") == {1: READY}
        await stage.poll(SETTLE_S)
        assert stage.states("half") == {1: GONE, 2: READY}

    stage.run(story())
    assert stage.engine.loads == 2


def test_a_folder_that_stays_empty_never_takes_a_place(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        (stage.root / "half" / "2").mkdir()
        for _ in range(3):
            await stage.poll(SETTLE_S)
        assert stage.states("half") == {1: READY}
        assert notes(stage) == ("version 2 is still being copied, as it seems",)

    stage.run(story())


def test_what_waits_for_a_rest_is_told_and_loads_at_once_on_request(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        stage.write("new", 1)
        await stage.poll(1)
        with pytest.raises(DragomanError, match="new is still being copied") as caught:
            stage.manager.pin(Target("new"))
        assert caught.value.reason is Reason.MODEL_NOT_READY
        await stage.manager.control(Load("new"))
        assert stage.states("new") == {1: READY}

    stage.run(story())


def test_a_poll_looks_into_no_folder_that_is_loaded_or_not_wanted(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.write("half", 1)
    stage.write("half", 2)
    stage.sidecar("half", "labels: {stable: 2}")

    async def story() -> None:
        await stage.manager.start()
        before = stage.manager.report
        monkeypatch.setattr("dragoman.repository.source.look", None)
        monkeypatch.setattr("dragoman.repository.sidecar.read_sidecar", None)
        assert not await stage.poll(1)
        assert stage.manager.report is before

    stage.run(story())


def test_a_version_that_others_were_rolled_back_to_rests_before_the_latest_goes(stage: Stage) -> None:
    stage.write("half", 1)
    newest = stage.write("half", 2)

    async def story() -> None:
        await stage.manager.start()
        rmtree(newest)
        await stage.poll(1)
        assert pinned(stage) == 2
        await stage.poll(SETTLE_S)
        assert stage.states("half") == {1: READY, 2: GONE}

    stage.run(story())


# Failures


def test_a_failed_version_is_tried_again_only_when_its_files_have_changed(stage: Stage) -> None:
    folder = stage.write("half", 1, "bad")

    async def story() -> None:
        await stage.manager.start()
        loads = stage.engine.loads
        for _ in range(3):
            await stage.poll(SETTLE_S)
        assert stage.states("half") == {1: FAILED}
        assert stage.engine.loads == loads
        write(folder, "good")
        await stage.poll(SETTLE_S)
        assert stage.states("half") == {1: FAILED}
        await stage.poll(SETTLE_S)
        assert stage.states("half") == {1: READY}

    stage.run(story())


def test_truncated_weights_keep_the_old_version_until_they_are_whole(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        folder = stage.write("half", 2, "bad")
        for _ in range(2):
            await stage.poll(SETTLE_S)
        assert stage.states("half") == {1: READY, 2: FAILED}
        assert pinned(stage) == 1
        write(folder, "whole")
        for _ in range(2):
            await stage.poll(SETTLE_S)
        assert stage.states("half") == {1: GONE, 2: READY}

    stage.run(story())


def test_a_version_deleted_while_it_loads_is_not_tried_again(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        folder = stage.write("half", 2, "bad")
        await stage.poll(SETTLE_S)
        stage.gone_meanwhile(folder)
        await stage.poll(SETTLE_S)
        assert stage.states("half") == {1: READY, 2: GONE}
        assert stage.engine.loads == 2

    stage.run(story())


def test_polls_go_on_while_a_version_loads(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        for number in range(4):
            stage.write(f"slow{number}", 1, "wait")
        await stage.manager.poll()
        stage.now_s += SETTLE_S
        await stage.manager.poll()
        assert stage.states("slow0") == {1: LOADING}
        stage.sidecar("half", "labels: {stable: 1}")
        await stage.manager.poll()
        stage.now_s += SETTLE_S
        await stage.manager.poll()
        assert pinned(stage, label="stable") == 1

    stage.run(story())


# Folders that go away


def test_a_base_path_that_vanishes_takes_nothing_with_it_and_comes_back(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        aside = stage.root.with_name("aside")
        stage.root.rename(aside)
        with pytest.raises(DragomanError, match="there is no such file or folder"):
            await stage.poll(1)
        assert pinned(stage) == 1
        aside.rename(stage.root)
        assert not await stage.poll(1)
        assert stage.engine.loads == 1

    stage.run(story())


def test_a_model_folder_without_versions_unloads_its_model_only(stage: Stage) -> None:
    folder = stage.write("half", 1)
    stage.write("other", 1)

    async def story() -> None:
        await stage.manager.start()
        rmtree(folder)
        await stage.poll(1)
        assert stage.states("half") == {1: GONE}
        assert stage.states("other") == {1: READY}

    stage.run(story())


# model.yaml


def test_a_changed_model_yaml_waits_until_it_rests(stage: Stage) -> None:
    stage.write("half", 1)
    stage.write("half", 2)
    stage.sidecar("half", ALL)

    async def story() -> None:
        await stage.manager.start()
        stage.sidecar("half", "")  # as an editor leaves it for a moment
        assert await stage.poll(1)
        assert stage.states("half") == {1: READY, 2: READY}
        stage.sidecar("half", ALL + "labels: {stable: 1}")
        await stage.poll(1)
        await stage.poll(SETTLE_S)
        assert stage.states("half") == {1: READY, 2: READY}
        assert pinned(stage, label="stable") == 1

    stage.run(story())
    assert stage.engine.loads == 2


def test_labels_and_the_policy_change_without_a_load(stage: Stage) -> None:
    stage.write("half", 1)
    stage.write("half", 2)
    stage.sidecar("half", ALL)

    async def story() -> None:
        await stage.manager.start()
        stage.sidecar("half", "versions: [1]\nlabels: {stable: 1}")
        await stage.manager.reconcile()
        assert stage.states("half") == {1: READY, 2: GONE}
        assert pinned(stage, label="stable") == 1

    stage.run(story())
    assert stage.engine.loads == 2


@pytest.mark.parametrize(
    "text", ["classes: [a]", "max_queue: 3", "batching: {max_size: 4}", "options: {a: 1}"]
)
def test_other_settings_load_the_version_anew_and_then_swap(stage: Stage, text: str) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        held = stage.manager.pin(Target("half"))
        stage.sidecar("half", text)
        reconciling = asyncio.ensure_future(stage.manager.reconcile())
        await stage.until_loads(2)
        assert stage.states("half") == {1: READY}
        assert not reconciling.done()
        held.release()
        await reconciling
        assert stage.states("half") == {1: READY}
        assert [model.closed for model in stage.engine.models] == [1, 0]

    stage.run(story())


def test_settings_that_do_not_load_leave_the_version_as_it_was(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        stage.sidecar("half", "engine: nothing")
        await stage.manager.reconcile()
        assert stage.states("half") == {1: READY}
        assert pinned(stage) == 1
        assert notes(stage) == (
            "version 1 serves as it was, its changes do not load: "
            "half/model.yaml: engine: there is no engine 'nothing'; there is toy",
        )
        stage.sidecar("half", "classes: [a]")
        await stage.manager.reconcile()
        assert notes(stage) == ()

    stage.run(story())
    assert [model.closed for model in stage.engine.models] == [1, 1]


# Labels


def test_a_label_waits_for_its_version(stage: Stage) -> None:
    stage.write("half", 1)
    stage.sidecar("half", ALL + "labels: {canary: 2}")

    async def story() -> None:
        await stage.manager.start()
        assert notes(stage) == ("label 'canary' waits for version 2, which is not loaded",)
        stage.write("half", 2)
        for _ in range(2):
            await stage.poll(SETTLE_S)
        assert pinned(stage, label="canary") == 2
        assert notes(stage) == ()

    stage.run(story())


def test_a_label_that_is_moved_keeps_its_version_until_the_new_one_serves(stage: Stage) -> None:
    stage.write("half", 1)
    stage.write("half", 2, "wait")
    stage.sidecar("half", "versions: [1]\nlabels: {stable: 1}")

    async def story() -> None:
        await stage.manager.start()
        stage.sidecar("half", "versions: [1, 2]\nlabels: {stable: 2}")
        reconciling = asyncio.ensure_future(stage.manager.reconcile())
        await stage.manager.wait_until(lambda report: states(report, "half").get(2) is LOADING, 30)
        assert pinned(stage, label="stable") == 1
        stage.engine.gate.set()
        await reconciling
        assert pinned(stage, label="stable") == 2

    stage.run(story())


# Requests


def test_what_was_unloaded_on_request_stays_so(stage: Stage) -> None:
    stage.write("half", 1)
    stage.write("half", 2)
    stage.write("other", 1)
    stage.sidecar("half", ALL)

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Unload("half", 2))
        await stage.manager.control(Unload("other"))
        for _ in range(4):
            assert not await stage.poll(SETTLE_S)
        assert stage.states("half") == {1: READY, 2: GONE}
        assert stage.states("other") == {1: GONE}

    stage.run(story())


def test_a_version_that_was_dismissed_and_comes_back_later_is_a_new_one(stage: Stage) -> None:
    stage.write("half", 1)
    folder = stage.write("half", 2)
    stage.sidecar("half", ALL)

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Unload("half", 2))
        rmtree(folder)
        await stage.poll(SETTLE_S)
        stage.write("half", 2)
        await stage.poll(SETTLE_S)
        assert stage.states("half") == {1: READY, 2: GONE}
        await stage.poll(SETTLE_S)
        assert stage.states("half") == {1: READY, 2: READY}

    stage.run(story())


def test_a_request_does_not_wait_for_streams_that_hold_an_old_version(tmp_path: Path) -> None:
    stage = Stage(tmp_path, patience_s=0)
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        held = stage.manager.pin(Target("half"))
        stage.write("half", 2)
        result = await stage.manager.control(Reload("half"))
        assert states(result.report, "half") == {1: State.QUIESCING, 2: READY}
        held.release()

    stage.run(story())


# Changes in place


def test_a_model_without_version_folders_is_not_loaded_anew_for_a_label(stage: Stage) -> None:
    write(stage.root / "half")

    async def story() -> None:
        await stage.manager.start()
        stage.sidecar("half", "labels: {stable: 1}")
        assert (await stage.manager.control(Reload("half"))).changed
        assert pinned(stage, label="stable") == 1

    stage.run(story())
    assert stage.engine.loads == 1


def test_files_that_change_in_place_are_taken_over_on_reload_only(stage: Stage) -> None:
    folder = stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        write(folder, "other")
        for _ in range(3):
            await stage.poll(SETTLE_S)
        assert stage.engine.loads == 1
        assert (await stage.manager.control(Reload("half"))).changed
        assert stage.states("half") == {1: READY}
        assert [model.closed for model in stage.engine.models] == [1, 0]
        assert not (await stage.manager.control(Reload("half"))).changed

    stage.run(story())
    assert stage.engine.loads == 2


def test_a_reload_that_fails_leaves_the_version_as_it_was(stage: Stage) -> None:
    folder = stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        write(folder, "final")
        with pytest.raises(DragomanError, match="the package toys is missing"):
            await stage.manager.control(Reload("half"))
        assert pinned(stage) == 1
        write(folder, "mended")
        for _ in range(2):
            await stage.poll(SETTLE_S)
        assert notes(stage) == ()
        assert [model.closed for model in stage.engine.models] == [1, 0]

    stage.run(story())


def test_files_that_change_while_they_load_do_not_load_for_ever(stage: Stage) -> None:
    folder = stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        write(folder, "other")
        stage.engine.on_load = lambda: write(folder, f"version after {stage.engine.loads} loads")
        await stage.manager.control(Reload("half"))
        assert stage.engine.loads == 2

    stage.run(story())


def test_many_versions_that_are_gone_are_not_all_remembered(stage: Stage) -> None:
    async def story() -> None:
        for version in range(1, 41):
            folder = stage.write("half", version)
            await stage.manager.reconcile()
            rmtree(folder)
        assert len(stage.states("half")) <= 22
        assert pinned(stage) == 40

    stage.run(story())
