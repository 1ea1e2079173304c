"""What a folder says that should be served."""

import errno
import os
from pathlib import Path

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.repository.source import Aspired, FileSystemSource
from tests.unit.repository.stage import ToyEngine, write


def aspired(path: Path) -> Aspired:
    return FileSystemSource(str(path), {"toy": ToyEngine()}).aspired()


def found(path: Path) -> dict[str, dict[int, str]]:
    """For each model the folders of its versions, relative to `path`."""
    return {
        name: {c.version: os.path.relpath(c.path, path) for c in model.candidates}
        for name, model in aspired(path).models.items()
    }


# The three things a path can be


@pytest.mark.parametrize(
    ("file", "model", "version"),
    [
        ("resnet.toy", "resnet", 1),
        ("half/model.toy", "half", 1),
        ("half/3/model.toy", "half", 3),
        ("half/3/resnet.toy", "resnet", 1),
        ("a.b/resnet.v2.toy", "resnet.v2", 1),
    ],
)
def test_a_file_is_named_after_itself_or_its_folder(
    tmp_path: Path, file: str, model: str, version: int
) -> None:
    path = tmp_path / file
    write(path.parent, file=path.name)
    models = aspired(path).models
    assert {name: [c.version for c in m.candidates] for name, m in models.items()} == {model: [version]}
    assert models[model].candidates[0].path == str(path)


def test_a_file_of_a_version_folder_is_served_with_its_models_settings(tmp_path: Path) -> None:
    write(tmp_path / "half" / "3")
    (tmp_path / "half" / "model.yaml").write_text("labels: {stable: 3}")
    assert aspired(tmp_path / "half" / "3" / "model.toy").models["half"].settings.labels == {"stable": 3}


def test_a_folder_with_version_folders_is_one_model(tmp_path: Path) -> None:
    write(tmp_path / "half" / "1")
    write(tmp_path / "half" / "00000123")
    assert found(tmp_path / "half") == {"half": {1: "1", 123: "00000123"}}


def test_a_folder_with_a_model_file_that_has_no_name_of_its_own_is_one_model(tmp_path: Path) -> None:
    write(tmp_path / "half")
    assert found(tmp_path / "half") == {"half": {1: "."}}


def test_a_folder_with_a_model_yaml_is_one_model(tmp_path: Path) -> None:
    write(tmp_path / "half", file="resnet.toy")
    (tmp_path / "half" / "model.yaml").write_text("labels: {stable: 1}")
    assert found(tmp_path / "half") == {"half": {1: "."}}


def test_any_other_folder_is_a_repository_of_folders_and_files(tmp_path: Path) -> None:
    write(tmp_path / "half" / "1")
    write(tmp_path / "flat", file="anything.toy")
    write(tmp_path, file="resnet.toy")
    write(tmp_path, file="notes.txt")
    assert found(tmp_path) == {"flat": {1: "flat"}, "half": {1: "half/1"}, "resnet": {1: "resnet.toy"}}


def test_a_folder_wins_over_a_file_of_the_same_name(tmp_path: Path) -> None:
    write(tmp_path / "half" / "1")
    write(tmp_path, file="half.toy")
    assert found(tmp_path) == {"half": {1: "half/1"}}


def test_an_empty_repository_wants_nothing(tmp_path: Path) -> None:
    assert aspired(tmp_path) == Aspired()


def test_asking_twice_gives_the_same(tmp_path: Path) -> None:
    write(tmp_path / "half" / "1")
    source = FileSystemSource(str(tmp_path), {"toy": ToyEngine()})
    assert source.aspired() == source.aspired()


# Versions


def test_names_that_are_no_versions_are_ignored(tmp_path: Path) -> None:
    for name in ["1", "latest", "v2", "-3", "1.5"]:
        write(tmp_path / "half" / name)
    write(tmp_path / "half", file="4")
    assert found(tmp_path) == {"half": {1: "half/1"}}


def test_two_folders_of_one_version_are_a_warning(tmp_path: Path) -> None:
    write(tmp_path / "half" / "7")
    write(tmp_path / "half" / "007")
    assert found(tmp_path) == {"half": {7: "half/7"}}
    assert aspired(tmp_path).models["half"].notes == (
        "folders 7 and 007 are both version 7; 007 is left out",
    )


def test_the_highest_version_is_wanted_unless_model_yaml_says_otherwise(tmp_path: Path) -> None:
    for version in (1, 2, 10):
        write(tmp_path / "half" / str(version))
        write(tmp_path / "all" / str(version))
    (tmp_path / "all" / "model.yaml").write_text("versions: all")
    models = aspired(tmp_path).models
    assert models["half"].wanted == {10}
    assert models["all"].wanted == {1, 2, 10}


def test_version_folders_win_over_files_beside_them(tmp_path: Path) -> None:
    write(tmp_path / "half" / "2")
    write(tmp_path / "half")
    assert found(tmp_path) == {"half": {2: "half/2"}}


# What is wrong


@pytest.mark.parametrize("name", ["a%2eb", "a:b", "a?b", "a#b", "a b\x7f"])
def test_a_folder_whose_name_no_model_may_have_is_left_out_with_a_warning(tmp_path: Path, name: str) -> None:
    write(tmp_path / name / "1")
    write(tmp_path / "half" / "1")
    assert list(found(tmp_path)) == ["half"]
    assert aspired(tmp_path).notes == (f"folder {name!r} is left out: that is not a name a model may have",)


def test_hidden_folders_are_left_out_without_a_word(tmp_path: Path) -> None:
    write(tmp_path / ".git" / "1")
    assert aspired(tmp_path) == Aspired()


def test_a_link_that_leads_nowhere_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "half").symlink_to(tmp_path / "nothing")
    assert aspired(tmp_path).notes == ("half is left out: it is a link that leads nowhere",)


def test_linked_models_and_versions_are_followed(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "5")
    repository = tmp_path / "repository"
    (repository / "b").mkdir(parents=True)
    (repository / "a").symlink_to(tmp_path / "elsewhere")
    (repository / "b" / "6").symlink_to(tmp_path / "elsewhere" / "5")
    assert found(repository) == {"a": {5: "a/5"}, "b": {6: "b/6"}}


def test_an_empty_model_folder_has_a_cause_and_no_versions(tmp_path: Path) -> None:
    (tmp_path / "half").mkdir()
    write(tmp_path / "good" / "1")
    models = aspired(tmp_path).models
    assert models["half"].candidates == ()
    cause = models["half"].cause
    assert cause is not None
    assert cause.message == "half holds neither a version folder (named by a number) nor a model file"
    assert models["good"].cause is None


def test_a_folder_that_cannot_be_read_has_a_cause_and_leaves_others_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "half" / "1")
    write(tmp_path / "good" / "1")
    scandir = os.scandir

    def guarded(path: str) -> "os._ScandirIterator[str]":
        if path == str(tmp_path / "half"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    models = aspired(tmp_path).models
    cause = models["half"].cause
    assert cause is not None
    assert (cause.code, cause.message) == (Code.PERMISSION_DENIED, "half cannot be read: permission denied")
    assert not models["half"].complete
    assert [c.version for c in models["good"].candidates] == [1]


def test_a_bad_model_yaml_is_the_cause_of_every_version(tmp_path: Path) -> None:
    write(tmp_path / "half" / "1")
    (tmp_path / "half" / "model.yaml").write_text("versoins: all\nlabels: 3")
    model = aspired(tmp_path).models["half"]
    cause = model.candidates[0].cause
    assert cause is not None
    assert cause.code is Code.INVALID_ARGUMENT
    assert cause.message.splitlines() == [
        "half/model.yaml:1: versoins: there is no such key; did you mean versions?",
        "half/model.yaml:2: labels: expected a mapping, got int",
    ]


def test_a_model_yaml_that_is_no_utf8_names_the_line(tmp_path: Path) -> None:
    write(tmp_path / "half" / "1")
    (tmp_path / "half" / "model.yaml").write_bytes(b"engine: toy\nclasses: [\xff]")
    cause = aspired(tmp_path).models["half"].cause
    assert cause is not None
    assert cause.message == "half/model.yaml:2: the file is not UTF-8"


def test_a_model_yaml_that_is_a_folder_is_a_cause(tmp_path: Path) -> None:
    write(tmp_path / "half" / "1")
    (tmp_path / "half" / "model.yaml").mkdir()
    cause = aspired(tmp_path).models["half"].cause
    assert cause is not None
    assert cause.message == "half/model.yaml cannot be read: is a directory"


def test_a_path_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(DragomanError) as caught:
        aspired(tmp_path / "nothing")
    assert caught.value.code is Code.NOT_FOUND
    assert caught.value.message == "nothing: there is no such file or folder"
