"""The models in memory."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from dragoman.core.configuration import Batching, ModelConfiguration, VersionChoice
from dragoman.core.control import Load, Reload, SetLabels, Unload
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import Target
from dragoman.core.status import State, StatusReport
from tests.unit.repository.stage import Stage, states, write

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


def refusal(stage: Stage, model: str = "half", **target: object) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        stage.manager.pin(Target(model, **target))  # type: ignore[arg-type]
    return caught.value


async def until(stage: Stage, model: str, version: int, state: State) -> None:
    """Wait for one version's state."""

    def reached(report: StatusReport) -> bool:
        return model in report.models and states(report, model).get(version) is state

    await stage.manager.wait_until(reached, 30)


# Starting


def test_everything_that_is_wanted_serves_after_the_start(stage: Stage) -> None:
    stage.write("half", 1)
    stage.write("half", 2)
    stage.write("other", 7)

    async def story() -> None:
        report = await stage.manager.start()
        assert list(report.models) == ["half", "other"]
        assert states(report, "half") == {2: READY}
        status = report.models["half"].versions[0]
        assert (status.engine, list(status.signatures)) == ("toy", ["serving_default"])
        assert status.loaded_at_s is not None

    stage.run(story())


def test_a_broken_model_does_not_stop_the_others(stage: Stage) -> None:
    stage.write("bad", 1, "bad")
    stage.write("explodes", 1, "explodes")
    stage.write("half", 1)
    (stage.root / "empty").mkdir()

    async def story() -> None:
        with capture_logs() as logs:
            report = await stage.manager.start()
        assert [stage.states(name) for name in ("bad", "explodes", "half")] == [
            {1: FAILED},
            {1: FAILED},
            {1: READY},
        ]
        causes = {name: model.versions[0].cause for name, model in report.models.items() if model.versions}
        assert causes["bad"] is not None
        assert causes["bad"].message == "model.toy is bad"
        assert causes["explodes"] is not None
        assert str(stage.root) not in causes["explodes"].message
        assert report.models["empty"].cause is not None
        assert any("empty holds neither" in str(entry) for entry in logs)

    stage.run(story())


def test_a_lower_version_serves_for_one_that_fails_where_the_settings_say_so(stage: Stage) -> None:
    stage.sidecar("half", "versions: {latest: 1, fall_back: true}")
    for version, text in ((1, "ok"), (2, "ok"), (3, "bad")):
        stage.write("half", version, text)

    async def story() -> None:
        await stage.manager.start()
        assert stage.states("half") == {2: READY, 3: FAILED}
        stage.write("half", 4, "bad")
        await stage.manager.control(Reload())
        assert stage.states("half") == {2: READY, 3: FAILED, 4: FAILED}
        assert pinned(stage) == 2
        stage.write("half", 3, "now good")
        await stage.manager.control(Reload())
        assert stage.states("half") == {2: GONE, 3: READY, 4: FAILED}
        stage.write("half", 5)
        await stage.manager.control(Reload())
        assert stage.states("half") == {2: GONE, 3: GONE, 4: GONE, 5: READY}
        assert ("half", 1, State.LOADING) not in stage.seen

    stage.run(story())


def test_the_log_keeps_what_strangers_are_not_told(stage: Stage) -> None:
    folder = stage.write("explodes", 1, "explodes")

    async def story() -> None:
        with capture_logs() as logs:
            await stage.manager.start()
        entry = next(entry for entry in logs if entry["event"] == "load failed" and "detail" in entry)
        assert (entry["model"], entry["version"], entry["path"]) == ("explodes", 1, str(folder))
        assert entry["detail"] == f"secret {folder / 'model.toy'}"

    stage.run(story())


def test_models_load_at_the_same_time(stage: Stage) -> None:
    stage.write("slow", 1, "wait")
    stage.write("half", 1)

    async def story() -> None:
        starting = asyncio.ensure_future(stage.manager.start())
        await until(stage, "half", 1, READY)
        assert stage.states("slow") == {1: LOADING}
        assert not starting.done()
        stage.engine.gate.set()
        await starting
        assert stage.states("slow") == {1: READY}

    stage.run(story())


def test_a_repository_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "nothing")

    async def story() -> None:
        with pytest.raises(DragomanError, match="nothing: there is no such file or folder"):
            await stage.manager.start()

    stage.run(story())


def test_whoever_observes_sees_each_state_of_a_version(stage: Stage) -> None:
    stage.write("half", 3)

    async def story() -> None:
        await stage.manager.start()

    stage.run(story())
    assert stage.seen == [
        ("half", 3, state)
        for state in (LOADING, READY, State.QUIESCING, State.QUIESCED, State.UNLOADING, GONE)
    ]


def test_each_load_and_failure_is_one_line_in_the_log(stage: Stage) -> None:
    stage.write("half", 1)
    stage.write("bad", 1, "final")

    async def story() -> None:
        with capture_logs() as logs:
            await stage.manager.start()
        told = [(entry["model"], entry["state"]) for entry in logs if entry["event"] == "version"]
        assert sorted(told) == [("bad", "failed"), ("bad", "loading"), ("half", "loading"), ("half", "ready")]

    stage.run(story())


# Retries


def test_a_load_that_fails_is_tried_again_after_growing_pauses(stage: Stage) -> None:
    stage.write("bad", 1, "bad")

    async def story() -> None:
        await stage.manager.start()

    stage.run(story())
    assert stage.engine.loads == 3
    first, second = stage.pauses
    assert 0.25 <= first <= 0.375
    assert 0.75 <= second <= 1.125


def test_files_that_were_incomplete_load_on_a_later_try(stage: Stage) -> None:
    folder = stage.write("half", 1, "bad")

    stage.during_pause = lambda: write(folder, "ok")

    async def story() -> None:
        await stage.manager.start()
        assert stage.states("half") == {1: READY}

    stage.run(story())


def test_a_cause_that_another_try_cannot_mend_is_final_at_once(stage: Stage) -> None:
    stage.write("bad", 1, "final")

    async def story() -> None:
        await stage.manager.start()
        assert stage.states("bad") == {1: FAILED}

    stage.run(story())
    assert stage.engine.loads == 1


def test_a_model_that_cannot_be_run_is_closed_again(stage: Stage) -> None:
    stage.write("half", 1)
    stage.refuse_runners = True

    async def story() -> None:
        await stage.manager.start()
        assert stage.states("half") == {1: FAILED}
        assert all(model.closed for model in stage.engine.models)

    stage.run(story())


# Pins


def test_a_target_means_a_version_a_label_or_the_highest_that_serves(stage: Stage) -> None:
    for version in (0, 1, 2, 10):
        stage.write("half", version)
    stage.sidecar("half", ALL + "labels: {stable: 1, canary: 2}")

    async def story() -> None:
        await stage.manager.start()
        assert pinned(stage) == 10
        assert pinned(stage, version=2) == 2
        assert pinned(stage, label="stable") == 1
        assert pinned(stage, version=0) == 0
        assert pinned(stage, version=0, zero_means_latest=True) == 0

    stage.run(story())


def test_version_zero_means_none_given_only_where_the_caller_says_so_and_there_is_none(stage: Stage) -> None:
    stage.write("half", 3)

    async def story() -> None:
        await stage.manager.start()
        assert pinned(stage, version=0, zero_means_latest=True) == 3
        assert refusal(stage, version=0).reason is Reason.VERSION_UNKNOWN

    stage.run(story())


def test_what_is_not_there_is_told_apart(stage: Stage) -> None:
    stage.write("half", 1)
    stage.sidecar("half", "labels: {stable: 1}")

    async def story() -> None:
        await stage.manager.start()
        unknown = [refusal(stage, "nobody"), refusal(stage, version=9), refusal(stage, label="new")]
        assert [error.code for error in unknown] == [Code.NOT_FOUND] * 3
        assert [(error.reason, error.message) for error in unknown] == [
            (Reason.MODEL_UNKNOWN, "there is no model 'nobody'"),
            (Reason.VERSION_UNKNOWN, "model 'half' has no version 9"),
            (Reason.LABEL_UNKNOWN, "model 'half' has no version with the label 'new'; it has stable"),
        ]

    stage.run(story())


def test_a_model_that_does_not_serve_tells_state_and_cause(stage: Stage) -> None:
    stage.write("half", 1, "wait")
    stage.write("half", 2, "bad")
    stage.sidecar("half", ALL)

    async def story() -> None:
        starting = asyncio.ensure_future(stage.manager.start())
        await until(stage, "half", 2, FAILED)
        told = [refusal(stage), refusal(stage, version=1), refusal(stage, version=2)]
        assert {(error.code, error.reason) for error in told} == {(Code.UNAVAILABLE, Reason.MODEL_NOT_READY)}
        assert [error.message for error in told] == [
            "model 'half' has no version that serves: "
            "version 1 is loading; version 2 is failed (model.toy is bad)",
            "model 'half' does not serve: version 1 is loading",
            "model 'half' does not serve: version 2 is failed (model.toy is bad)",
        ]
        stage.engine.gate.set()
        await starting

    stage.run(story())


def test_an_empty_model_tells_why_it_has_no_versions(stage: Stage) -> None:
    (stage.root / "half").mkdir()

    async def story() -> None:
        await stage.manager.start()
        assert "holds neither a version folder" in refusal(stage).message

    stage.run(story())


def test_a_label_of_a_version_that_is_not_loaded_is_unknown_and_noted(stage: Stage) -> None:
    stage.write("half", 1)
    stage.sidecar("half", "labels: {stable: 1, old: 7}")

    async def story() -> None:
        with capture_logs() as logs:
            report = await stage.manager.start()
        assert report.models["half"].labels == {"stable": 1}
        note = "label 'old' waits for version 7, which is not loaded"
        assert report.models["half"].notes == (note,)
        assert [entry["note"] for entry in logs if "note" in entry] == [f"half: {note}"]
        assert refusal(stage, label="old").reason is Reason.LABEL_UNKNOWN

    stage.run(story())


# New and old versions


def test_a_new_version_takes_over_and_the_old_one_goes_when_nobody_holds_it(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        held = stage.manager.pin(Target("half"))
        stage.write("half", 2)
        reconciling = asyncio.ensure_future(stage.manager.reconcile())
        await until(stage, "half", 1, State.QUIESCING)
        assert pinned(stage) == 2
        assert refusal(stage, version=1).reason is Reason.MODEL_NOT_READY
        assert stage.engine.models[0].closed == 0
        assert not reconciling.done()
        held.release()
        await reconciling
        assert stage.states("half") == {1: GONE, 2: READY}
        assert stage.engine.models[0].closed == 1
        assert refusal(stage, version=1).reason is Reason.VERSION_RETIRED

    stage.run(story())


def test_the_old_version_serves_on_where_the_new_one_does_not_load(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        stage.write("half", 2, "bad")
        await stage.manager.reconcile()
        assert stage.states("half") == {1: READY, 2: FAILED}
        assert pinned(stage) == 1

    stage.run(story())


def test_resource_preserving_never_has_two_versions_in_memory(stage: Stage) -> None:
    stage.write("half", 1)
    stage.sidecar("half", "version_transition: resource_preserving")

    async def story() -> None:
        await stage.manager.start()
        stage.write("half", 2)
        await stage.manager.reconcile()
        assert stage.states("half") == {1: GONE, 2: READY}

    stage.run(story())
    assert stage.seen.index(("half", 1, GONE)) < stage.seen.index(("half", 2, LOADING))


def test_reconciling_with_nothing_new_does_nothing(stage: Stage) -> None:
    stage.write("half", 1)
    stage.write("bad", 1, "final")

    async def story() -> None:
        before = await stage.manager.start()
        assert await stage.manager.reconcile() == before
        assert stage.engine.loads == 2

    stage.run(story())


def test_a_model_whose_folder_is_gone_is_unloaded_and_unknown(stage: Stage) -> None:
    folder = stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        (folder / "model.toy").unlink()
        folder.rmdir()
        folder.parent.rmdir()
        await stage.manager.reconcile()
        assert stage.states("half") == {1: GONE}
        assert refusal(stage).reason is Reason.MODEL_REMOVED

    stage.run(story())


def test_a_version_that_comes_back_loads_again(stage: Stage) -> None:
    folder = stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        folder.rename(stage.root / "aside")
        await stage.manager.reconcile()
        assert stage.states("half") == {1: GONE}
        (stage.root / "aside").rename(folder)
        await stage.manager.reconcile()
        assert stage.states("half") == {1: READY}

    stage.run(story())


def test_a_model_yaml_that_breaks_leaves_what_serves_alone(stage: Stage) -> None:
    stage.write("half", 1)
    stage.write("half", 2)
    stage.sidecar("half", ALL)

    async def story() -> None:
        await stage.manager.start()
        stage.sidecar("half", "versions: {")
        report = await stage.manager.reconcile()
        assert stage.states("half") == {1: READY, 2: READY}
        cause = report.models["half"].cause
        assert cause is not None
        assert cause.message.startswith("half/model.yaml:1: ")

    stage.run(story())


def test_a_version_that_failed_for_its_model_yaml_loads_once_that_is_mended(stage: Stage) -> None:
    stage.write("half", 1)
    stage.sidecar("half", "lables: {}")

    async def story() -> None:
        await stage.manager.start()
        assert stage.states("half") == {1: FAILED}
        stage.sidecar("half", "labels: {}")
        await stage.manager.reconcile()
        assert stage.states("half") == {1: READY}

    stage.run(story())


def test_a_repository_that_goes_away_takes_nothing_with_it(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        stage.root.rename(stage.root.with_name("elsewhere"))
        with pytest.raises(DragomanError, match="there is no such file or folder"):
            await stage.manager.reconcile()
        assert pinned(stage) == 1

    stage.run(story())


# Control


def test_one_version_is_unloaded_and_loaded_on_request(stage: Stage) -> None:
    stage.write("half", 1)
    stage.write("half", 2)
    stage.sidecar("half", ALL)

    async def story() -> None:
        await stage.manager.start()
        result = await stage.manager.control(Unload("half", 2))
        assert result.changed
        assert states(result.report, "half") == {1: READY, 2: GONE}
        assert pinned(stage) == 1
        await stage.manager.reconcile()
        assert stage.states("half") == {1: READY, 2: GONE}
        result = await stage.manager.control(Load("half", 2))
        assert states(result.report, "half") == {1: READY, 2: READY}
        assert not (await stage.manager.control(Load("half", 2))).changed

    stage.run(story())


def test_the_only_version_that_serves_is_unloaded_on_request(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        stage.write("half", 2, "bad")
        await stage.manager.reconcile()
        await stage.manager.control(Unload("half", 1))
        assert stage.states("half") == {1: GONE, 2: FAILED}

    stage.run(story())


def test_a_model_without_versions_cannot_be_loaded(stage: Stage) -> None:
    (stage.root / "half").mkdir()

    async def story() -> None:
        await stage.manager.start()
        with pytest.raises(DragomanError, match="half holds neither a version folder"):
            await stage.manager.control(Load("half"))

    stage.run(story())


def test_a_whole_model_is_unloaded_and_loaded_on_request(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Unload("half"))
        assert refusal(stage).message == "model 'half' has no version that serves: version 1 is gone"
        await stage.manager.control(Load("half"))
        assert pinned(stage) == 1

    stage.run(story())


def test_a_version_that_the_policy_leaves_out_is_loaded_on_request(stage: Stage) -> None:
    stage.write("half", 1)
    stage.write("half", 2)

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Load("half", 1))
        assert stage.states("half") == {1: READY, 2: READY}

    stage.run(story())


def test_loading_a_model_that_has_just_arrived_leaves_other_models_alone(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        stage.write("half", 2)
        stage.write("new", 1)
        await stage.manager.control(Load("new"))
        assert stage.states("new") == {1: READY}
        assert stage.states("half") == {1: READY}
        await stage.manager.control(Reload())
        assert stage.states("half") == {1: GONE, 2: READY}

    stage.run(story())


def test_a_load_on_request_that_fails_tells_its_cause_and_may_be_asked_again(stage: Stage) -> None:
    stage.write("half", 1, "final")

    async def story() -> None:
        await stage.manager.start()
        with pytest.raises(DragomanError, match="the package toys is missing") as caught:
            await stage.manager.control(Load("half"))
        assert caught.value.code is Code.FAILED_PRECONDITION
        stage.write("half", 1)
        assert (await stage.manager.control(Reload("half"))).changed
        assert pinned(stage) == 1

    stage.run(story())


@pytest.mark.parametrize(
    "request_", [Load("nobody"), Unload("nobody"), Reload("nobody"), SetLabels("nobody", {})]
)
def test_a_request_for_a_model_that_is_not_there_is_refused(
    stage: Stage, request_: Load | Unload | Reload | SetLabels
) -> None:
    async def story() -> None:
        await stage.manager.start()
        with pytest.raises(DragomanError) as caught:
            await stage.manager.control(request_)
        assert caught.value.reason is Reason.MODEL_UNKNOWN

    stage.run(story())


@pytest.mark.parametrize("request_", [Load("half", 9), Unload("half", 9)])
def test_a_request_for_a_version_that_is_not_there_is_refused(stage: Stage, request_: Load | Unload) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        with pytest.raises(DragomanError) as caught:
            await stage.manager.control(request_)
        assert caught.value.reason is Reason.VERSION_UNKNOWN

    stage.run(story())


def test_labels_are_replaced_as_a_whole_until_a_reload(stage: Stage) -> None:
    stage.write("half", 1)
    stage.write("half", 2)
    stage.sidecar("half", ALL + "labels: {stable: 1}")

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(SetLabels("half", {"canary": 2}))
        assert pinned(stage, label="canary") == 2
        assert refusal(stage, label="stable").reason is Reason.LABEL_UNKNOWN
        await stage.manager.control(Reload("half"))
        assert pinned(stage, label="stable") == 1

    stage.run(story())


def test_a_label_of_a_version_that_is_not_loaded_cannot_be_set(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        with pytest.raises(
            DragomanError, match="label 'next': version 2 of model 'half' is not loaded"
        ) as caught:
            await stage.manager.control(SetLabels("half", {"now": 1, "next": 2}))
        assert caught.value.code is Code.FAILED_PRECONDITION
        assert refusal(stage, label="now").reason is Reason.LABEL_UNKNOWN

    stage.run(story())


# Waiting and closing


def test_waiting_for_what_does_not_come_ends(stage: Stage) -> None:
    async def story() -> None:
        with pytest.raises(DragomanError) as caught:
            await stage.manager.wait_until(lambda _: False, 0)
        assert caught.value.code is Code.DEADLINE_EXCEEDED

    stage.run(story())


def test_the_report_is_the_same_object_until_something_changes(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        assert stage.manager.report is stage.manager.report

    stage.run(story())


def test_closing_unloads_everything(stage: Stage) -> None:
    stage.write("half", 1)
    stage.write("other", 1)

    async def story() -> None:
        await stage.manager.start()

    stage.run(story())
    assert [model.closed for model in stage.engine.models] == [1, 1]
    assert refusal(stage).reason is Reason.MODEL_REMOVED


def test_closing_does_not_wait_for_ever_for_a_version_that_is_held(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        stage.manager.pin(Target("half"))
        with capture_logs() as logs:
            await stage.manager.close(grace_s=0)
        assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == [
            "models are still in use"
        ]

    stage.run(story())


def test_a_model_whose_closing_fails_is_gone_all_the_same(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        stage.engine.models[0].close = lambda: 1 / 0  # type: ignore[assignment,method-assign,return-value]
        with capture_logs() as logs:
            await stage.manager.control(Unload("half"))
        assert stage.states("half") == {1: GONE}
        assert "closing failed" in [entry["event"] for entry in logs]

    stage.run(story())


def test_closing_while_a_model_loads_unloads_it_when_it_is_there(stage: Stage) -> None:
    stage.write("half", 1, "wait")

    async def story() -> None:
        starting = asyncio.ensure_future(stage.manager.start())
        await until(stage, "half", 1, LOADING)
        starting.cancel()
        closing = asyncio.ensure_future(stage.manager.close())
        stage.engine.gate.set()
        await closing
        assert stage.states("half") == {1: GONE}

    stage.run(story())
    assert stage.engine.models[0].closed == 1


# What callers see of a version


def test_a_version_tells_its_configuration_and_counts_while_it_is_loaded(stage: Stage) -> None:
    stage.write("half", 1)
    stage.sidecar("half", "versions: [1]\nbatching: {max_size: 4}\noptions: {a: 1}\n")

    async def story() -> None:
        report = await stage.manager.start()
        assert report.models["half"].choice == VersionChoice(specific=(1,))
        version = report.models["half"].versions[0]
        assert version.configuration == ModelConfiguration(
            "model.toy", Batching(4, queue=1000), options={"a": "1"}
        )
        handle = stage.manager.pin(Target("half"))
        handle.statistics.fail(7)
        handle.release()
        assert version.statistics is not None
        assert version.statistics.failed == 1  # the counters are the version's own
        await stage.manager.control(Unload("half"))
        gone = stage.manager.report.models["half"].versions[0]
        assert (gone.statistics, gone.configuration) == (None, None)

    stage.run(story())


def test_a_version_that_is_loaded_anew_begins_to_count_at_nothing(stage: Stage) -> None:
    stage.write("half", 1)

    async def story() -> None:
        await stage.manager.start()
        handle = stage.manager.pin(Target("half"))
        handle.statistics.fail(7)
        handle.release()
        stage.write("half", 1, "other")
        await stage.manager.control(Reload("half"))
        statistics = stage.manager.report.models["half"].versions[0].statistics
        assert statistics is not None
        assert statistics.failed == 0

    stage.run(story())


def test_a_load_of_which_no_version_could_serve_is_told(stage: Stage) -> None:
    stage.write("half", 1)
    stage.sidecar("half", "versions: {specific: [7]}\n")

    async def story() -> None:
        await stage.manager.start()
        for request in (Load("half"), Reload("half")):
            with pytest.raises(DragomanError, match="there is no version 7") as caught:
                await stage.manager.control(request)
            assert (caught.value.code, caught.value.reason) == (Code.NOT_FOUND, Reason.LOAD_FAILED)
        await stage.manager.control(Load("half", 1))
        assert stage.states("half") == {1: READY}

    stage.run(story())
