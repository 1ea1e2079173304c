"""What archives say of themselves before they are unpacked."""

import gzip
import os
from pathlib import Path

import pytest

from dragoman.repository.archives.heads import MOST_BYTES, Head, Heads
from dragoman.repository.archives.names import archive_stem, archives_among, is_archive
from tests.unit.repository.archives.built import (
    HANDLER,
    MANIFEST,
    WRITERS,
    good,
    manifest,
    tar_bytes,
    tar_member,
    write_tar,
    write_zip,
)


def named(head: Head) -> tuple[str, str]:
    """A head's model and version."""
    return head.manifest.model.model_name, head.manifest.model.model_version


@pytest.mark.parametrize(
    ("name", "stem"), [("a.mar", "a"), ("a.b.tar.gz", "a.b"), ("a.tgz", "a"), ("A.MAR", "A"), ("a.tar", None)]
)
def test_archives_are_told_by_their_suffix(name: str, stem: str | None) -> None:
    assert is_archive(name) == (stem is not None)
    assert stem is None or archive_stem(name) == stem
    assert archives_among(["b.mar", "x.py", "a.tgz"]) == ["a.tgz", "b.mar"]


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_manifest_is_read_without_unpacking(tmp_path: Path, suffix: str) -> None:
    path = WRITERS[suffix](tmp_path / f"x.{suffix}", good("echo", "2.0"))
    assert named(Heads().read(str(path))) == ("echo", "2.0")
    assert list(tmp_path.iterdir()) == [path]


def test_one_in_a_leading_folder_is_read(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "x.tgz", good("echo", "2.0"), "echo/")
    assert named(Heads().read(str(path))) == ("echo", "2.0")


def test_one_of_a_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "MAR-INF").mkdir()
    (tmp_path / MANIFEST).write_bytes(manifest("echo", "3"))
    assert named(Heads().read(str(tmp_path))) == ("echo", "3")


@pytest.mark.parametrize("suffix", WRITERS)
def test_an_archive_without_one_is_no_models(tmp_path: Path, suffix: str) -> None:
    path = WRITERS[suffix](tmp_path / f"x.{suffix}", {"echo.py": HANDLER})
    assert Heads().read(str(path)).problem == (
        f"x.{suffix} holds no MAR-INF/MANIFEST.json, which says what the model is"
    )


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off", b"\x1f\x8b cut off"])
def test_one_that_cannot_be_read_says_why(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.mar"
    path.write_bytes(content)
    assert Heads().read(str(path)).problem.startswith("x.mar cannot be read: ")


def test_one_that_is_not_there_says_so(tmp_path: Path) -> None:
    assert Heads().read(str(tmp_path / "x.mar")).problem == "x.mar: no such file or directory"


def test_a_manifest_that_is_none_says_why(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.mar", {**good(), MANIFEST: b"{"})
    assert Heads().read(str(path)).problem == "x.mar: MAR-INF/MANIFEST.json is no manifest: it is not JSON"


def test_a_manifest_that_is_too_large_is_not_read_whole(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.mar", {MANIFEST: b" " * (2 << 20)})
    assert "is larger than 1048576 bytes" in Heads().read(str(path)).problem


def test_a_tar_is_read_only_so_far(tmp_path: Path) -> None:
    path = tmp_path / "x.tgz"
    held = [tar_member("first", bytes(MOST_BYTES)), tar_member(MANIFEST, manifest())]
    path.write_bytes(gzip.compress(tar_bytes(held), 1))
    assert Heads().read(str(path)).problem == f"x.tgz is not unpacked: it holds more than {MOST_BYTES} bytes"


def test_what_has_not_changed_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(write_zip(tmp_path / "x.mar", good()))
    first = Heads()
    head = first.read(path)
    monkeypatch.setattr("builtins.open", None)
    assert Heads(first).read(path) is head


def test_what_has_changed_is_read_again(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.mar", good("echo", "1.0"))
    first = Heads()
    first.read(str(path))
    write_zip(path, good("echo", "2.0"))
    os.utime(path, ns=(1, 1))
    assert named(Heads(first).read(str(path))) == ("echo", "2.0")


def test_one_that_stays_unreadable_is_not_read_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_zip(tmp_path / "x.mar", good("echo", "1.0"))
    heads = Heads()
    heads.read(str(path))
    path.write_bytes(b"no archive")
    heads = Heads(heads)
    heads.read(str(path))
    monkeypatch.setattr("builtins.open", None)
    assert named(Heads(heads).read(str(path))) == ("echo", "1.0")


def test_one_that_is_copied_over_is_what_it_was_until_it_is_whole(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.mar", good("echo", "1.0"))
    whole = write_zip(tmp_path / "new", good("echo", "2.0")).read_bytes()
    heads = Heads()
    heads.read(str(path))
    for length in (0, 10, len(whole) - 1):
        path.write_bytes(whole[:length])
        heads = Heads(heads)
        assert named(heads.read(str(path))) == ("echo", "1.0")
    path.write_bytes(whole)
    assert named(Heads(heads).read(str(path))) == ("echo", "2.0")
