"""Versions that requests register, take away and make the default."""

import asyncio
import json
import zipfile
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from dragoman.core.control import Load, Register, Scale, SetDefault, Unload, Unregister
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import Target
from dragoman.core.status import State
from dragoman.settings.registration import RegistrationSettings
from tests.unit.repository.stage import Stage


def archive(path: Path, name: str | None = "a", version: str = "1.0", text: str = "ok") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as made:
        if name is not None:
            model = {"modelName": name, "modelVersion": version, "handler": "h.py"}
            made.writestr("MAR-INF/MANIFEST.json", json.dumps({"model": model}))
        made.writestr("model.toy", text)
    return path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    for version in ("1.0", "2.0", "10.0"):
        archive(folder / f"a-{version}.mar", version=version)
    return folder


@pytest.fixture
def stage(tmp_path: Path, store: Path) -> Stage:
    (tmp_path / "models").mkdir()
    return Stage(tmp_path / "models", registration=RegistrationSettings(enabled=True, store=str(store)))


async def refused(work: Awaitable[Any]) -> DragomanError:
    with pytest.raises(DragomanError) as told:
        await work
    return told.value


def called(stage: Stage, target: Target) -> str | None:
    handle = stage.manager.pin(target)
    handle.release()
    return handle.version_name


def test_an_archive_of_the_store_is_a_model_from_then_on(stage: Stage) -> None:
    async def story() -> None:
        await stage.manager.start()
        result = await stage.manager.control(Register("a-2.0.mar"))
        assert (result.model, result.version_name, result.pending) == ("a", "2.0", False)
        version = stage.manager.report.models["a"].usual
        assert version is not None
        assert (version.called, version.origin, version.registered) == ("2.0", "a-2.0.mar", True)
        assert called(stage, Target("a")) == "2.0"

    stage.run(story())


def test_the_version_that_came_first_stays_the_default_until_another_is_chosen(stage: Stage) -> None:
    async def story() -> None:
        await stage.manager.start()
        for version in ("2.0", "10.0", "1.0"):
            await stage.manager.control(Register(f"a-{version}.mar"))
        assert called(stage, Target("a")) == "2.0"
        assert called(stage, Target("a", version_name="10.0")) == "10.0"
        await stage.manager.control(SetDefault("a", "1.0"))
        assert called(stage, Target("a")) == "1.0"

    stage.run(story())


def test_of_two_registrations_of_one_version_at_once_one_is_refused(stage: Stage) -> None:
    async def story() -> None:
        await stage.manager.start()
        found = await asyncio.gather(
            *(stage.manager.control(Register("a-1.0.mar")) for _ in range(4)), return_exceptions=True
        )
        refusals = [one for one in found if isinstance(one, DragomanError)]
        assert len(refusals) == 3
        assert {one.code for one in refusals} == {Code.ALREADY_EXISTS}
        assert refusals[0].message == "Model version 1.0 is already registered for model a"

    stage.run(story())


def test_what_does_not_load_is_not_there_afterwards(stage: Stage, store: Path) -> None:
    archive(store / "bad.mar", "bad", text="bad")

    async def story() -> None:
        await stage.manager.start()
        error = await refused(stage.manager.control(Register("bad.mar")))
        assert error.reason is Reason.WORKERS_FAILED
        assert error.message == "Failed to start workers for model bad version: 1.0"
        assert "bad" not in stage.manager.report.models
        archive(store / "bad.mar", "bad", text="ok")
        await stage.manager.control(Register("bad.mar"))
        assert called(stage, Target("bad")) == "1.0"

    stage.run(story())


def test_a_version_that_fails_beside_another_leaves_that_as_it_was(stage: Stage, store: Path) -> None:
    archive(store / "a-3.0.mar", version="3.0", text="final")

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Register("a-1.0.mar"))
        error = await refused(stage.manager.control(Register("a-3.0.mar")))
        assert (error.code, error.reason) == (Code.FAILED_PRECONDITION, Reason.MODEL_INVALID)
        assert [one.called for one in stage.manager.report.models["a"].there] == ["1.0"]

    stage.run(story())


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "empty url"),
        ("../store/a-1.0.mar", "Relative path is not allowed in url: ../store/a-1.0.mar"),
        ("nope.mar", "Model not found at: nope.mar"),
        ("a\0.mar", "Model not found at: a\0.mar"),
        ("/etc", "Given URL file:///etc does not match any allowed URL(s)"),
        ("file:///etc/passwd", "Given URL file:///etc/passwd does not match any allowed URL(s)"),
        ("https://h/a.mar", "Given URL https://h/a.mar does not match any allowed URL(s)"),
        ("ftp://h/a.mar", "Given URL ftp://h/a.mar does not match any allowed URL(s)"),
    ],
)
def test_a_place_that_may_not_be_is_told(stage: Stage, url: str, message: str) -> None:
    async def story() -> None:
        await stage.manager.start()
        error = await refused(stage.manager.control(Register(url)))
        assert (error.code, error.reason, error.message) == (Code.NOT_FOUND, Reason.URL_REFUSED, message)

    stage.run(story())


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("none.mar", None, Reason.MANIFEST_MISSING),
        ("odd.mar", b"{", Reason.MANIFEST_MALFORMED),
        ("list.mar", b"[]", Reason.MANIFEST_MALFORMED),
    ],
)
def test_an_archive_whose_manifest_cannot_be_used_is_told(
    stage: Stage, store: Path, name: str, content: bytes | None, reason: Reason
) -> None:
    with zipfile.ZipFile(store / name, "w") as made:
        made.writestr("h.py", "")
        if content is not None:
            made.writestr("MAR-INF/MANIFEST.json", content)

    async def story() -> None:
        await stage.manager.start()
        error = await refused(stage.manager.control(Register(name, name="given")))
        assert error.reason is reason
        assert "given" not in stage.manager.report.models

    stage.run(story())


def test_an_archive_that_is_none_is_told(stage: Stage, store: Path) -> None:
    (store / "text.mar").write_text("no zip")
    (store / "notes.txt").write_text("no archive at all")

    async def story() -> None:
        await stage.manager.start()
        error = await refused(stage.manager.control(Register("text.mar")))
        assert error.reason is Reason.ARCHIVE_UNUSABLE
        error = await refused(stage.manager.control(Register("notes.txt")))
        assert error.reason is Reason.MODEL_INVALID

    stage.run(story())


def test_a_name_that_no_model_may_have_is_told(stage: Stage) -> None:
    async def story() -> None:
        await stage.manager.start()
        error = await refused(stage.manager.control(Register("a-1.0.mar", name="a/b")))
        assert error.code is Code.INVALID_ARGUMENT

    stage.run(story())


def test_a_model_is_taken_away_as_if_it_had_never_been_there(stage: Stage) -> None:
    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Register("a-1.0.mar"))
        await stage.manager.control(Unregister("a"))
        assert "a" not in stage.manager.report.models
        error = await refused(stage.manager.control(Unregister("a")))
        assert error.reason is Reason.MODEL_UNKNOWN
        await stage.manager.control(Register("a-1.0.mar"))
        assert called(stage, Target("a")) == "1.0"

    stage.run(story())


def test_the_default_version_stays_while_there_are_others(stage: Stage) -> None:
    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Register("a-1.0.mar"))
        await stage.manager.control(Register("a-2.0.mar"))
        for name in (None, "1.0"):
            error = await refused(stage.manager.control(Unregister("a", name)))
            assert error.message == "Cannot remove default version for model a"
        await stage.manager.control(Unregister("a", "2.0"))
        await stage.manager.control(Unregister("a"))
        assert "a" not in stage.manager.report.models

    stage.run(story())


def test_a_model_of_the_repository_is_taken_away_and_can_be_registered_again(
    stage: Stage, store: Path
) -> None:
    stage.write("half")
    archive(store / "half.mar", "half", "7.0")

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Unregister("half"))
        assert not stage.manager.report.models["half"].known
        error = await refused(stage.manager.control(Load("half")))
        assert error.code is Code.NOT_FOUND
        await stage.manager.control(Register("half.mar"))
        assert called(stage, Target("half")) == "7.0"
        assert stage.manager.report.models["half"].known

    stage.run(story())


def test_a_model_of_the_repository_keeps_its_default_beside_what_is_registered(
    stage: Stage, store: Path
) -> None:
    stage.write("half", 3)
    archive(store / "half.mar", "half", "7.0")

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Register("half.mar"))
        handle = stage.manager.pin(Target("half"))
        handle.release()
        assert handle.version == 3
        assert stage.states("half") == {3: State.READY, 7: State.READY}

    stage.run(story())


def test_requests_that_hold_a_version_are_answered_before_it_goes(stage: Stage) -> None:
    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Register("a-1.0.mar"))
        handle = stage.manager.pin(Target("a"))
        leaving = asyncio.ensure_future(stage.manager.control(Unregister("a")))
        await stage.manager.wait_until(lambda report: not report.models["a"].known, 30)
        assert (await refused(pinned(stage))).reason is Reason.MODEL_REMOVED
        assert not leaving.done()
        assert not stage.engine.models[-1].closed
        handle.release()
        await leaving
        assert stage.engine.models[-1].closed

    async def pinned(stage: Stage) -> None:
        stage.manager.pin(Target("a"))

    stage.run(story())


def test_who_does_not_wait_is_told_at_once_and_finds_the_version_later(stage: Stage, store: Path) -> None:
    archive(store / "slow.mar", "slow", text="wait")

    async def story() -> None:
        await stage.manager.start()
        result = await stage.manager.control(Register("slow.mar", workers=1, waits=False))
        assert result.pending
        assert stage.manager.report.models["slow"].there[0].state is State.LOADING
        stage.engine.gate.set()
        await stage.manager.wait_until(lambda report: report.models["slow"].latest_ready is not None, 30)

    stage.run(story())


def test_a_version_that_is_being_loaded_is_scaled_once_it_is(stage: Stage, store: Path) -> None:
    archive(store / "slow.mar", "slow", text="wait")

    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Register("slow.mar", workers=1, waits=False))
        scaling = asyncio.ensure_future(stage.manager.control(Scale("slow", 2, 2)))
        later = await stage.manager.control(Scale("slow", 1, 1, waits=False))
        assert later.pending
        assert not scaling.done()
        stage.engine.gate.set()
        error = await refused(scaling)
        assert "has no workers to scale" in error.message

    stage.run(story())


def test_what_is_registered_comes_back_with_its_model(stage: Stage) -> None:
    async def story() -> None:
        await stage.manager.start()
        await stage.manager.control(Register("a-1.0.mar"))
        await stage.manager.control(Unload("a"))
        assert stage.states("a") == {1: State.GONE}
        await stage.manager.control(Load("a"))
        assert called(stage, Target("a")) == "1.0"

    stage.run(story())


def test_nothing_is_registered_where_that_is_off(tmp_path: Path, store: Path) -> None:
    (tmp_path / "models").mkdir()
    stage = Stage(tmp_path / "models", registration=RegistrationSettings(store=str(store)))

    async def story() -> None:
        await stage.manager.start()
        for request in (Register("a-1.0.mar"), Unregister("a")):
            error = await refused(stage.manager.control(request))
            assert error.reason is Reason.REGISTRATION_OFF

    stage.run(story())
