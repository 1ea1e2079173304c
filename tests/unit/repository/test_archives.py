"""Model archives as models of a repository."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from dragoman.core.control import Load, Reload, Unload
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import Target
from dragoman.core.status import State
from dragoman.repository.configured import ConfiguredSource
from dragoman.repository.loader import ModelLoader
from dragoman.repository.source import Aspired, Candidate, FileSystemSource
from dragoman.settings.model import ModelSettings
from dragoman.settings.overlay import ModelOverlay, NamedModel
from tests.conformance.handler_archives import write as write_reference
from tests.unit.repository.archives.built import MANIFEST, good, manifest, write_tar, write_zip
from tests.unit.repository.stage import SETTLE_S, Stage, ToyEngine, write

TRUSTED = ModelSettings(trust="code")


def toy(name: str = "half", version: str = "1.0", text: str = "ok") -> dict[str, bytes]:
    """An archive that the toy engine loads."""
    return good(name, version, **{"model.toy": text.encode()})


def unpacked(path: Path, held: Mapping[str, bytes]) -> Path:
    """A folder with these files."""
    for name, data in held.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def aspired(path: Path) -> Aspired:
    return FileSystemSource(str(path), {"toy": ToyEngine()}).aspired()


def found(path: Path) -> dict[str, dict[int, tuple[str | None, str]]]:
    """For each model the names of its versions, and where they lie."""
    return {
        name: {one.version: (one.version_name, os.path.relpath(one.path, path)) for one in model.candidates}
        for name, model in aspired(path).models.items()
    }


# What is found


def test_an_archive_in_a_repository_is_a_model_that_its_manifest_names(tmp_path: Path) -> None:
    write_zip(tmp_path / "a.mar", toy("echo", "1.0"))
    write_tar(tmp_path / "b.tar.gz", toy("other", "3.1"), "other/")
    write_tar(tmp_path / "c.tgz", toy("third", "spring"))
    unpacked(tmp_path / "d", toy("fourth", "2.0"))
    assert found(tmp_path) == {
        "echo": {1: ("1.0", "a.mar")},
        "other": {3: ("3.1", "b.tar.gz")},
        "third": {1: ("spring", "c.tgz")},
        "fourth": {2: ("2.0", "d")},
    }


def test_archives_of_one_name_are_versions_of_one_model(tmp_path: Path) -> None:
    write_reference(tmp_path, ["echo_v1.mar", "echo_v2.mar", "slow.mar"])
    assert found(tmp_path) == {
        "echo": {1: ("1.0", "echo_v1.mar"), 2: ("2.0", "echo_v2.mar")},
        "slow": {1: ("1.0", "slow.mar")},
    }
    assert aspired(tmp_path).models["echo"].wanted == {2}


def test_an_archive_is_named_after_its_file_where_the_manifest_gives_no_good_name(tmp_path: Path) -> None:
    write_zip(tmp_path / "first.mar", {MANIFEST: b"{}"})
    write_zip(tmp_path / "second.v2.mar", toy("a/b"))
    write_zip(tmp_path / "third.mar", {"echo.py": b""})
    assert sorted(found(tmp_path)) == ["first", "second.v2", "third"]


def test_of_two_archives_of_one_version_the_first_by_name_counts(tmp_path: Path) -> None:
    write_zip(tmp_path / "a.mar", toy("echo", "1.0"))
    write_zip(tmp_path / "b.mar", toy("echo", "1.0"))
    model = aspired(tmp_path).models["echo"]
    assert [os.path.basename(one.path) for one in model.candidates] == ["a.mar"]
    assert model.notes == ("b.mar is left out: a.mar is version 1.0 already",)


def test_a_folder_or_file_of_the_same_name_wins_with_a_warning(tmp_path: Path) -> None:
    write(tmp_path / "half" / "1")
    write_zip(tmp_path / "a.mar", toy("half"))
    assert found(tmp_path) == {"half": {1: (None, "half/1")}}
    assert aspired(tmp_path).notes == ("a.mar is left out: another file or folder is model half",)


def test_a_tar_that_holds_no_model_is_left_out_with_a_warning(tmp_path: Path) -> None:
    write_tar(tmp_path / "backup.tar.gz", {"notes.txt": b""})
    (tmp_path / "broken.tgz").write_bytes(b"\x1f\x8b")
    assert aspired(tmp_path).models == {}
    assert aspired(tmp_path).notes == (
        "backup.tar.gz holds no MAR-INF/MANIFEST.json, which says what the model is; it is left out",
        "broken.tgz cannot be read: it is cut off; it is left out",
    )


@pytest.mark.parametrize("place", ["x.mar", "half/3/x.mar", "half/model.mar"])
def test_an_archive_that_is_named_itself_is_served(tmp_path: Path, place: str) -> None:
    path = write_zip(tmp_path / place, toy("echo", "2.0"))
    models = aspired(path).models
    assert [(one.version, one.version_name, one.named) for one in models["echo"].candidates] == [
        (2, "2.0", True)
    ]


def test_an_unpacked_archive_that_is_named_itself_is_served(tmp_path: Path) -> None:
    path = unpacked(tmp_path / "x", toy("echo", "2.0"))
    (path / "model.yaml").write_text("labels: {stable: 2}")
    model = aspired(path).models["echo"]
    assert [(one.version, one.named) for one in model.candidates] == [(2, True)]
    assert model.settings.labels == {"stable": 2}


def test_a_model_s_folder_may_hold_archives_beside_its_model_yaml(tmp_path: Path) -> None:
    write_zip(tmp_path / "half" / "a.mar", toy("other", "1.0"))
    write_zip(tmp_path / "half" / "b.mar", toy("other", "1.1"))
    (tmp_path / "half" / "model.yaml").write_text("versions: all")
    assert found(tmp_path) == {"half": {1: ("1.0", "half/a.mar"), 2: ("1.1", "half/b.mar")}}
    assert aspired(tmp_path).models["half"].wanted == {1, 2}
    assert list(aspired(tmp_path / "half").models) == ["half"]


def test_a_folder_of_archives_alone_is_a_repository(tmp_path: Path) -> None:
    write_zip(tmp_path / "model.mar", toy("a"))
    write_zip(tmp_path / "other.mar", toy("b"))
    assert sorted(found(tmp_path)) == ["a", "b"]


def test_an_archive_beside_a_model_file_is_not_the_model(tmp_path: Path) -> None:
    write(tmp_path / "half")
    write_tar(tmp_path / "half" / "backup.tgz", toy())
    assert found(tmp_path) == {"half": {1: (None, "half")}}


def test_a_listed_model_may_be_an_archive(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.mar", toy("echo", "2.0"))
    listed = [NamedModel(name="mine", path=str(path), trust="code")]
    model = ConfiguredSource((), listed, ModelOverlay(), {"toy": ToyEngine()}).aspired().models["mine"]
    assert [(one.model, one.version, one.version_name, one.settings.trust) for one in model.candidates] == [
        ("mine", 2, "2.0", "code")
    ]


def test_an_archive_that_is_copied_over_stays_what_it_was(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.mar", toy("echo", "1.0"))
    source = FileSystemSource(str(tmp_path), {"toy": ToyEngine()})
    before = source.aspired()
    path.write_bytes(path.read_bytes()[:100])
    assert source.aspired() == before


def test_a_pipe_of_an_archive_s_name_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.mar")
    assert aspired(tmp_path).models == {}


# What is loaded


def load(stage: Stage, path: Path, settings: ModelSettings = TRUSTED) -> str | None:
    """Load a place as one version; the version's own name."""
    loader = ModelLoader({"toy": stage.engine}, archives=stage.archives)
    return loader.load(Candidate("half", 1, str(path), path.name, settings)).name


def refused(stage: Stage, path: Path, settings: ModelSettings = TRUSTED) -> DragomanError:
    """Why it does not load. Nothing of it is left."""
    with pytest.raises(DragomanError) as caught:
        load(stage, path, settings)
    assert left(stage) == []
    return caught.value


def left(stage: Stage) -> list[str]:
    """The files that are unpacked now."""
    return [path.name for path in stage.unpacked.rglob("*") if path.is_file() and path.name != "lock"]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_an_archive_in_a_version_folder_is_that_version(stage: Stage) -> None:
    write_zip(stage.root / "half" / "7" / "x.mar", toy("other", "2.0"))
    assert load(stage, stage.root / "half" / "7") == "2.0"
    unpacked(stage.root / "half" / "8", toy("other", "3.0"))
    assert load(stage, stage.root / "half" / "8") == "3.0"


def test_an_archive_beside_a_model_file_in_a_version_folder_is_passed_over(stage: Stage) -> None:
    write(stage.root / "half" / "1")
    write_tar(stage.root / "half" / "1" / "backup.tgz", toy("half", "2.0"))
    assert load(stage, stage.root / "half" / "1") is None


def test_several_archives_in_a_version_folder_are_an_error(stage: Stage) -> None:
    for name in ("a.mar", "b.mar"):
        write_zip(stage.root / "7" / name, toy())
    error = refused(stage, stage.root / "7")
    assert error.message == "7 holds several archives, and a version is one: a.mar, b.mar"


def test_an_archive_is_not_looked_into_unless_it_is_trusted(stage: Stage) -> None:
    path = write_zip(stage.root / "x.mar", toy())
    error = refused(stage, path, ModelSettings())
    assert error.code is Code.FAILED_PRECONDITION
    assert error.message == (
        "half is a model archive, which brings code, and that runs only where it is trusted: name the "
        "archive when you start, set trust: code in half/model.yaml or for it in dragoman.yaml, or start "
        "with --trust-code"
    )
    assert list(stage.unpacked.iterdir()) == []


@pytest.mark.parametrize(
    ("held", "code", "reason", "message"),
    [
        (
            {**toy(), "../../escaped": b"x"},
            Code.INVALID_ARGUMENT,
            Reason.ARCHIVE_UNUSABLE,
            "x.mar is not unpacked: the member '../../escaped' has the component '..'",
        ),
        (
            {"model.toy": b"ok"},
            Code.INVALID_ARGUMENT,
            Reason.MANIFEST_MISSING,
            "x.mar holds no MAR-INF/MANIFEST.json, which says what the model is",
        ),
        (
            {**toy(), MANIFEST: b"{"},
            Code.INVALID_ARGUMENT,
            Reason.MANIFEST_MALFORMED,
            "x.mar/MAR-INF/MANIFEST.json is no manifest: it is not JSON",
        ),
        (
            {**toy(), MANIFEST: manifest(configFile="c.yaml"), "c.yaml": b"a: ["},
            Code.INVALID_ARGUMENT,
            None,
            "x.mar/c.yaml:1: expected the node content, but found '<stream end>'",
        ),
        (
            {**toy(), MANIFEST: manifest(configFile="c.yaml"), "c.yaml": b"\xff"},
            Code.INVALID_ARGUMENT,
            None,
            "x.mar/c.yaml: the file is not UTF-8",
        ),
        (
            {**toy(), MANIFEST: manifest(configFile="../c.yaml")},
            Code.INVALID_ARGUMENT,
            Reason.ARCHIVE_UNUSABLE,
            "x.mar is not unpacked: the member '../c.yaml' has the component '..'",
        ),
        (
            toy(text="bad"),
            Code.INTERNAL,
            None,
            "model.toy is bad",
        ),
        (
            good("half"),
            Code.NOT_FOUND,
            None,
            "x.mar holds no model: the engine toy looks for model.toy",
        ),
    ],
)
def test_an_archive_that_does_not_load_leaves_nothing(
    stage: Stage, held: dict[str, bytes], code: Code, reason: Reason | None, message: str
) -> None:
    before = sorted(stage.root.parent.iterdir())
    error = refused(stage, write_zip(stage.root / "x.mar", held))
    assert (error.code, error.reason, error.message) == (code, reason, message)
    assert sorted(stage.root.parent.iterdir()) == before


def test_what_a_model_config_says_wrongly_is_logged_and_ignored(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    held = {**toy(), MANIFEST: manifest(configFile="c.yaml"), "c.yaml": b"minWorkers: many"}
    load(stage, write_zip(stage.root / "x.mar", held))
    held = {**toy(), MANIFEST: manifest(configFile="gone.yaml")}
    load(stage, write_zip(stage.root / "y.mar", held))
    printed = capsys.readouterr().out
    assert "x.mar/c.yaml: minWorkers: expected int, got text; the key is ignored" in printed
    assert "y.mar/gone.yaml cannot be read: no such file or directory" in printed


# What serves


def trusted(stage: Stage, model: str = "half", more: str = "") -> None:
    """A folder for a model's archives."""
    stage.sidecar(model, f"trust: code\nversions: all\n{more}")


def test_an_archive_is_unpacked_while_its_version_is_loaded(stage: Stage) -> None:
    trusted(stage)
    write_zip(stage.root / "half" / "a.mar", toy())

    async def story() -> None:
        await stage.manager.start()
        assert stage.states("half") == {1: State.READY}
        assert sorted(left(stage)) == ["MANIFEST.json", "echo.py", "model.toy"]
        await stage.manager.control(Unload("half"))
        assert left(stage) == []
        await stage.manager.control(Load("half"))
        assert left(stage) != []

    stage.run(story())
    assert left(stage) == []


def test_it_is_there_until_the_last_request_is_answered(stage: Stage) -> None:
    trusted(stage)
    write_zip(stage.root / "half" / "a.mar", toy())

    async def story() -> None:
        await stage.manager.start()
        handle = stage.manager.pin(Target("half"))
        await stage.poll()
        shutil.rmtree(stage.root / "half")
        await stage.manager.poll()
        assert left(stage) != []
        handle.release()
        await stage.manager.wait_until(lambda report: stage.states("half") == {1: State.GONE}, 30)
        assert left(stage) == []

    stage.run(story())


def test_versions_are_asked_for_by_their_own_names(stage: Stage) -> None:
    trusted(stage)
    write_zip(stage.root / "half" / "a.mar", toy(version="1.0"))
    write_zip(stage.root / "half" / "b.mar", toy(version="1.5"))
    write_zip(stage.root / "half" / "c.mar", toy(version="3", text="bad"))
    stage.write("plain", 2)

    async def story() -> None:
        report = await stage.manager.start()
        assert [(one.version, one.name) for one in report.models["half"].versions] == [
            (1, "1.0"),
            (2, "1.5"),
            (3, "3"),
        ]
        assert [meant(stage, "half", name) for name in ("1.0", "1.5")] == [1, 2]
        assert meant(stage, "plain", "2") == 2
        assert refusal(stage, "half", "2") == (Reason.VERSION_UNKNOWN, "model 'half' has no version 2")
        assert refusal(stage, "half", "1") == (Reason.VERSION_UNKNOWN, "model 'half' has no version 1")
        assert refusal(stage, "plain", "1.0") == (Reason.VERSION_UNKNOWN, "model 'plain' has no version 1.0")
        reason, message = refusal(stage, "half", "3")
        assert reason is Reason.MODEL_NOT_READY
        assert "version 3 is failed (model.toy is bad)" in message

    stage.run(story())


def meant(stage: Stage, model: str, name: str) -> int:
    """The number of the version of that name."""
    handle = stage.manager.pin(Target(model, version_name=name))
    handle.release()
    return handle.version


def refusal(stage: Stage, model: str, name: str) -> tuple[Reason | None, str]:
    """Why that version does not answer."""
    with pytest.raises(DragomanError) as caught:
        stage.manager.pin(Target(model, version_name=name))
    return caught.value.reason, caught.value.message


def test_an_archive_that_was_replaced_is_taken_up_on_request(stage: Stage) -> None:
    trusted(stage)
    path = write_zip(stage.root / "half" / "a.mar", toy(text="ok"))

    async def story() -> None:
        await stage.manager.start()
        write_zip(path, {**toy(text="ok"), "more": b"1"})
        await stage.manager.control(Reload("half"))
        assert stage.engine.loads == 2
        assert sorted(left(stage)) == ["MANIFEST.json", "echo.py", "model.toy", "more"]

    stage.run(story())


def test_a_new_archive_is_loaded_when_it_is_copied_completely(stage: Stage) -> None:
    trusted(stage)
    whole = write_zip(stage.root / "half" / "a.mar", toy(version="1.0"))

    async def story() -> None:
        await stage.manager.start()
        new = stage.root / "half" / "b.mar"
        data = write_zip(stage.root / ".new", toy(version="2.0")).read_bytes()
        new.write_bytes(data[:200])
        await stage.poll(1.0)
        assert stage.states("half") == {1: State.READY}
        new.write_bytes(data)
        await stage.poll(1.0)
        await stage.poll(SETTLE_S)
        assert stage.states("half") == {1: State.READY, 2: State.READY}
        assert whole.exists()

    stage.run(story())


def test_the_configuration_names_the_archive(stage: Stage) -> None:
    trusted(stage)
    write_zip(stage.root / "half" / "a.mar", toy())

    async def story() -> None:
        report = await stage.manager.start()
        configuration = report.models["half"].versions[0].configuration
        assert configuration is not None
        assert configuration.file == "a.mar"

    stage.run(story())


def test_archives_of_a_list_are_versions_of_its_model(tmp_path: Path) -> None:
    paths = [str(write_zip(tmp_path / f"{n}.mar", toy("half", f"{n}.0"))) for n in (1, 2)]
    listed = NamedModel(name="mine", path=tuple(paths))
    source = ConfiguredSource((), [listed], ModelOverlay(), {"toy": ToyEngine()})
    (model,) = source.aspired().models.values()
    assert [(one.model, one.version, one.version_name) for one in model.candidates] == [
        ("mine", 1, "1.0"),
        ("mine", 2, "2.0"),
    ]


def test_archives_that_are_repositories_are_versions_of_the_models_they_say(tmp_path: Path) -> None:
    held = {"a": ("half", "1.0"), "b": ("other", "1.0"), "c": ("half", "3.0")}
    paths = [str(write_zip(tmp_path / f"{file}.mar", toy(*told))) for file, told in held.items()]
    paths.append(str(tmp_path / "absent.mar"))
    source = ConfiguredSource(paths, (), ModelOverlay(), {"toy": ToyEngine()})
    found = {
        name: [one.version for one in model.candidates] for name, model in source.aspired().models.items()
    }
    assert found == {"half": [1, 3], "other": [1], "absent": [1]}
