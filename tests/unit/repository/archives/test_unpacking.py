"""Archives unpacked into folders of their own, and those that are not."""

import contextlib
import errno
import gzip
import os
import shutil
import stat
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import IO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.repository.archives.unpacking import unpack
from dragoman.settings.archives import ArchiveSettings
from tests.unit.repository.archives.built import (
    HANDLER,
    MANIFEST,
    WRITERS,
    Write,
    good,
    manifest,
    tar_bytes,
    tar_member,
    write_infos,
    write_tar,
    write_tar_infos,
    write_zip,
    zip_member,
)

RULES = ArchiveSettings()
OPENED: list[str] = []  # files that were opened for writing, folders and links that were made
LISTENING: list[bool] = []
ZEROS = bytes(1 << 24)


def hear(event: str, arguments: tuple[object, ...]) -> None:
    """Note what is written, while somebody listens."""
    if not LISTENING:
        return
    if event == "open" and isinstance(arguments[0], str):
        if isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
            OPENED.append(arguments[0])
    elif event in ("os.mkdir", "os.link", "os.symlink", "os.rename"):
        OPENED.extend(str(argument) for argument in arguments if isinstance(argument, str))


sys.addaudithook(hear)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def files(folder: str | Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in Path(folder).rglob("*")
        if path.is_file()
    }


def refusal(path: Path, home: Path, rules: ArchiveSettings = RULES) -> DragomanError:
    """Why an archive is not unpacked. Nothing of it is left, and nothing was written but in its folder."""
    before = files(home.parent)
    OPENED.clear()
    LISTENING.append(True)
    try:
        with pytest.raises(DragomanError) as caught:
            unpack(str(path), path.name, str(home), rules)
    finally:
        LISTENING.clear()
    assert list(home.iterdir()) == []
    assert files(home.parent) == before
    assert [place for place in OPENED if not os.path.realpath(place).startswith(f"{home}/")] == []
    return caught.value


# What is unpacked


@pytest.mark.parametrize("suffix", WRITERS)
def test_an_archive_becomes_a_private_folder(tmp_path: Path, home: Path, suffix: str) -> None:
    held = good(**{"labels/index.json": b"{}", "empty": b""})
    folder = unpack(str(WRITERS[suffix](tmp_path / f"x.{suffix}", held)), "x", str(home), RULES)
    assert files(folder) == held
    assert os.path.dirname(folder) == str(home)
    assert [path.name for path in home.iterdir()] == [os.path.basename(folder)]


@pytest.mark.parametrize("suffix", WRITERS)
def test_nobody_else_may_read_it_and_nothing_in_it_runs(tmp_path: Path, home: Path, suffix: str) -> None:
    folder = unpack(str(WRITERS[suffix](tmp_path / "x", good(**{"a/b": b""}))), "x", str(home), RULES)
    found = [Path(folder), *Path(folder).rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in found if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in found if path.is_file()} == {0o600}


def test_every_unpacking_has_a_folder_of_its_own(tmp_path: Path, home: Path) -> None:
    path = str(write_zip(tmp_path / "x.mar", good()))
    assert unpack(path, "x", str(home), RULES) != unpack(path, "x", str(home), RULES)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_may_be_stored_or_deflated(tmp_path: Path, home: Path, compression: int) -> None:
    path = write_zip(tmp_path / "x.mar", good(), compression)
    assert files(unpack(str(path), "x", str(home), RULES)) == good()


@pytest.mark.parametrize("folder", ["", "./", "echo/", "./echo/"])
def test_one_leading_folder_is_taken_away(tmp_path: Path, home: Path, folder: str) -> None:
    path = write_tar(tmp_path / "x.tar.gz", good(), folder)
    assert files(unpack(str(path), "x", str(home), RULES)) == good()
    assert len(list(home.iterdir())) == 1


def test_folders_that_are_members_are_made(tmp_path: Path, home: Path) -> None:
    held = [tar_member("./", kind=tarfile.DIRTYPE), tar_member("a/b", kind=tarfile.DIRTYPE)]
    path = write_tar_infos(tmp_path / "x.tgz", [*held, *(tar_member(*one) for one in good().items())])
    assert os.path.isdir(os.path.join(unpack(str(path), "x", str(home), RULES), "a", "b"))


def test_long_and_foreign_names_are_kept(tmp_path: Path, home: Path) -> None:
    held = good(**{"d/" * 40 + "n" * 120: b"1", "重み.pt": b"2"})
    for suffix, write in WRITERS.items():
        assert files(unpack(str(write(tmp_path / suffix, held)), "x", str(home), RULES)) == held


# What is not


@pytest.mark.parametrize("write", [write_zip, write_tar])
@pytest.mark.parametrize(
    "name",
    ["../escaped", "a/../../escaped", "/{root}/escaped", "..\\escaped", "C:/escaped", "C:escaped", "a//b"],
)
def test_a_member_that_climbs_out_is_refused_and_nothing_is_written_elsewhere(
    tmp_path: Path, home: Path, write: Write, name: str
) -> None:
    named = name.format(root=tmp_path)
    error = refusal(write(tmp_path / "x.mar", {**good(), named: b"x"}), home)
    assert (error.code, error.reason) == (Code.INVALID_ARGUMENT, Reason.ARCHIVE_UNUSABLE)
    assert named in error.message.replace("\\\\", "\\")


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        (stat.S_IFLNK, "a symbolic link"),
        (stat.S_IFCHR, "a device"),
        (stat.S_IFBLK, "a device"),
        (stat.S_IFIFO, "a pipe"),
        (stat.S_IFSOCK, "a socket"),
    ],
)
def test_a_zip_holds_files_and_folders_alone(tmp_path: Path, home: Path, mode: int, kind: str) -> None:
    held = [zip_member(name, data=data) for name, data in good().items()]
    path = write_infos(tmp_path / "x.mar", [*held, zip_member("link", mode | 0o777, b"/etc/passwd")])
    assert refusal(path, home).message == f"x.mar is not unpacked: the member 'link' is {kind}"


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (tarfile.SYMTYPE, "a symbolic link"),
        (tarfile.LNKTYPE, "a hard link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a pipe"),
        (tarfile.GNUTYPE_SPARSE, "no plain file"),
        (b"Z", "no plain file"),
    ],
)
@pytest.mark.parametrize("link", ["/etc/passwd", "echo.py"])
def test_a_tar_holds_files_and_folders_alone(
    tmp_path: Path, home: Path, kind: bytes, shown: str, link: str
) -> None:
    held = [*(tar_member(*one) for one in good().items()), tar_member("link", kind=kind, link=link)]
    error = refusal(write_tar_infos(tmp_path / "x.tar.gz", held), home)
    assert error.message == f"x.tar.gz is not unpacked: the member 'link' is {shown}"


def test_a_member_below_a_link_is_not_written_through_it(tmp_path: Path, home: Path) -> None:
    held = [tar_member("d", kind=tarfile.SYMTYPE, link=str(tmp_path)), tar_member("d/escaped", b"x")]
    assert "'d' is a symbolic link" in refusal(write_tar_infos(tmp_path / "x.tar.gz", held), home).message
    assert not (tmp_path / "escaped").exists()


def test_a_name_with_nul_is_refused(tmp_path: Path, home: Path) -> None:
    path = write_zip(tmp_path / "x.mar", {**good(), "a!b": b""})
    path.write_bytes(path.read_bytes().replace(b"a!b", b"a\0b"))
    assert "'a\\x00b' holds a NUL" in refusal(path, home).message


def test_a_name_that_is_there_twice_is_refused(tmp_path: Path, home: Path) -> None:
    held = [zip_member("echo.py"), zip_member("echo.py")]
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = write_infos(tmp_path / "x.mar", held)
    assert refusal(path, home).message == "x.mar is not unpacked: the member 'echo.py' is there twice"
    twice = [tar_member("echo.py", b"1"), tar_member("./echo.py", b"2")]
    assert "'./echo.py' is there twice" in refusal(write_tar_infos(tmp_path / "x.tgz", twice), home).message


def test_a_file_without_a_name_is_refused(tmp_path: Path, home: Path) -> None:
    path = write_tar_infos(tmp_path / "x.tgz", [tar_member("./.", b"1")])
    assert "has no name" in refusal(path, home).message


@pytest.mark.parametrize("suffix", WRITERS)
def test_an_archive_without_a_manifest_is_none(tmp_path: Path, home: Path, suffix: str) -> None:
    error = refusal(WRITERS[suffix](tmp_path / f"x.{suffix}", {"echo.py": HANDLER}), home)
    assert (error.code, error.reason) == (Code.INVALID_ARGUMENT, Reason.MANIFEST_MISSING)
    assert error.message == f"x.{suffix} holds no MAR-INF/MANIFEST.json, which says what the model is"


def test_a_manifest_deeper_than_one_folder_is_none(tmp_path: Path, home: Path) -> None:
    path = write_tar(tmp_path / "x.tgz", good(), "a/b/")
    assert refusal(path, home).reason is Reason.MANIFEST_MISSING


@pytest.mark.parametrize(("compression", "named"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "lzma")])
def test_other_compressions_are_named(tmp_path: Path, home: Path, compression: int, named: str) -> None:
    error = refusal(write_zip(tmp_path / "x.mar", good(), compression), home)
    assert f"is compressed by {named}; deflate is what can be read" in error.message


def test_an_encrypted_member_is_named(tmp_path: Path, home: Path) -> None:
    path = write_zip(tmp_path / "x.mar", {"secret.pt": b"x"})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    path.write_bytes(data)
    assert refusal(path, home).message == "x.mar is not unpacked: the member 'secret.pt' is encrypted"


@pytest.mark.parametrize("suffix", WRITERS)
def test_an_archive_that_is_cut_off_anywhere_is_an_error(tmp_path: Path, home: Path, suffix: str) -> None:
    whole = WRITERS[suffix](tmp_path / "whole", good(**{"w": Random(1).randbytes(3000)})).read_bytes()
    path = tmp_path / f"x.{suffix}"
    for length in [0, 1, 2, 10, *range(30, len(whole) - 1, 97), len(whole) - 1]:
        path.write_bytes(whole[:length])
        error = refusal(path, home)
        assert error.code is Code.INTERNAL, (length, error.message)
        assert error.message.startswith(f"x.{suffix} cannot be read: ")


def test_data_that_does_not_match_its_checksum_is_an_error(tmp_path: Path, home: Path) -> None:
    path = write_zip(tmp_path / "x.mar", good(), zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(HANDLER, HANDLER[::-1]))
    assert "Bad CRC-32" in refusal(path, home).message


def test_a_text_that_is_no_archive_is_an_error(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "x.mar"
    path.write_bytes(b"this is no archive")
    assert refusal(path, home).message == "x.mar cannot be read: File is not a zip file"


@pytest.mark.parametrize("zeros", [0, 7])
def test_a_tar_that_ends_without_its_mark_is_cut_off(tmp_path: Path, home: Path, zeros: int) -> None:
    path = tmp_path / "x.tgz"
    path.write_bytes(gzip.compress(without_end([*good().items()]) + bytes(zeros)))
    assert refusal(path, home).message == "x.tgz cannot be read: it is damaged or cut off"


# Bounds


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize(
    ("rules", "setting"),
    [
        (ArchiveSettings(members=3), "archives.members"),
        (ArchiveSettings(total_bytes=1000), "archives.total_bytes"),
        (ArchiveSettings(member_bytes=800), "archives.member_bytes"),
    ],
)
def test_what_is_beyond_a_limit_is_refused_by_its_name(
    tmp_path: Path, home: Path, suffix: str, rules: ArchiveSettings, setting: str
) -> None:
    held = good(a=Random(1).randbytes(100), b=Random(2).randbytes(900))
    error = refusal(WRITERS[suffix](tmp_path / f"x.{suffix}", held), home, rules)
    assert setting in error.message
    assert error.code is Code.INVALID_ARGUMENT


def without_end(held: list[tuple[str, bytes]]) -> bytes:
    """A tar up to the mark of its end."""
    whole = tar_bytes([tar_member(*one) for one in held]).rstrip(b"\0")
    return whole + bytes(-len(whole) % 512)


def zip_bomb(path: Path, blocks: int) -> None:
    """A zip with one member of so many times 16 MiB of zeros."""
    packer = zlib.compressobj(wbits=-15)
    block = packer.compress(ZEROS) + packer.flush(zlib.Z_FULL_FLUSH)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in good().items():
            archive.writestr(name, data)
        info = zipfile.ZipInfo("bomb")
        with archive.open(info, "w", force_zip64=True) as target:
            for _ in range(blocks):
                target.write(block)
            target.write(packer.flush())
        info.compress_type, info.file_size = zipfile.ZIP_DEFLATED, blocks * len(ZEROS)


def tar_bomb(path: Path, blocks: int) -> None:
    """A tar.gz with one member of so many times 16 MiB of zeros."""
    info, _ = tar_member("bomb")
    info.size = blocks * len(ZEROS)
    head = without_end([*good().items()]) + info.tobuf(tarfile.GNU_FORMAT)
    path.write_bytes(gzip.compress(head) + gzip.compress(ZEROS) * blocks + gzip.compress(bytes(10240)))


@pytest.mark.parametrize("bomb", [zip_bomb, tar_bomb])
def test_a_bomb_of_ten_gigabytes_ends_early(
    tmp_path: Path, home: Path, bomb: Callable[[Path, int], None], written: "Written"
) -> None:
    path = tmp_path / "x.mar"
    bomb(path, 640)
    assert path.stat().st_size < 12 << 20
    error = refusal(path, home)
    assert error.message == "x.mar is not unpacked: it grows to more than 200 times its size (archives.ratio)"
    assert written.bytes < 300 << 20


class Written:
    """How much was written to files."""

    def __init__(self) -> None:
        self.bytes = 0


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Written:
    """Counts what the unpacking writes."""
    count = Written()
    real = os.fdopen

    class Counting:
        def __init__(self, file: IO[bytes]) -> None:
            self.file = file

        def __enter__(self) -> "Counting":
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def write(self, data: bytes) -> int:
            count.bytes += len(data)
            return self.file.write(data)

    monkeypatch.setattr(os, "fdopen", lambda fd, mode: Counting(real(fd, mode)))
    return count


def lying_zip(path: Path, says: int, holds: int) -> Path:
    """A zip with a member whose headers say another size than it has."""
    write_zip(path, {**good(), "lie": bytes(holds)})
    data = bytearray(path.read_bytes())
    real, said = struct.pack("<I", holds), struct.pack("<I", says)
    assert data.count(real) == 2
    path.write_bytes(data.replace(real, said))
    return path


def test_a_header_that_says_less_than_there_is_fools_nobody(tmp_path: Path, home: Path) -> None:
    error = refusal(lying_zip(tmp_path / "x.mar", 10, 5_000_001), home)
    assert error.message.startswith("x.mar cannot be read: Bad CRC-32")


def test_a_header_that_says_more_than_there_is_fools_nobody(tmp_path: Path, home: Path) -> None:
    path = lying_zip(tmp_path / "x.mar", 5_000_001, 1001)
    assert files(unpack(str(path), "x", str(home), RULES))["lie"] == bytes(1001)


def test_a_header_that_says_more_than_is_allowed_is_believed_before_anything_is_written(
    tmp_path: Path, home: Path, written: Written
) -> None:
    path = lying_zip(tmp_path / "x.mar", 4_000_000_001, 1001)
    assert "archives.total_bytes" in refusal(path, home, ArchiveSettings(total_bytes=1 << 30)).message
    assert written.bytes == 0


def test_a_zip_whose_directory_is_larger_than_its_members_need_is_not_read(
    tmp_path: Path, home: Path
) -> None:
    held = [zip_member("a")]
    held[0][0].extra = struct.pack("<HH", 0x9999, 60_000) + bytes(60_000)
    held += [zip_member(str(number)) for number in range(3)]
    for info, _ in held:
        info.extra = held[0][0].extra
    path = write_infos(tmp_path / "x.mar", held)
    error = refusal(path, home, ArchiveSettings(members=4))
    assert error.message == "x.mar is not unpacked: its directory is too large for its members"


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_tar_header_that_would_fill_the_memory_is_not_read(tmp_path: Path, home: Path, kind: bytes) -> None:
    info, _ = tar_member("header", kind=kind)
    info.size = 1 << 33
    path = tmp_path / "x.tgz"
    path.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20)))
    assert refusal(path, home).message == "x.tgz is not unpacked: one of its headers is too large"


def test_headers_that_follow_headers_without_end_are_an_error(tmp_path: Path, home: Path) -> None:
    block = tar_member("h", b"15 path=aaaaaaa\n", kind=tarfile.XHDTYPE)
    header = block[0].tobuf(tarfile.GNU_FORMAT) + block[1].ljust(512, b"\0")
    path = tmp_path / "x.tgz"
    path.write_bytes(gzip.compress(header * 3000))
    assert refusal(path, home).reason is Reason.ARCHIVE_UNUSABLE


def test_what_lies_behind_the_end_of_a_tar_is_not_read_for_ever(tmp_path: Path, home: Path) -> None:
    whole = tar_bytes([tar_member(*one) for one in good().items()])
    path = tmp_path / "x.tgz"
    path.write_bytes(gzip.compress(whole + bytes(4 << 20)))
    assert "much follows behind its end" in refusal(path, home).message


def test_a_full_disk_is_told_and_nothing_is_left(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_zip(tmp_path / "x.mar", good())

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "rename", full)
    error = refusal(path, home)
    assert error.code is Code.RESOURCE_EXHAUSTED
    assert error.message == "x.mar cannot be unpacked: no space left on device"


def test_the_manifest_is_not_overwritten_by_a_later_member(tmp_path: Path, home: Path) -> None:
    held = [tar_member(MANIFEST, manifest()), tar_member(f"MAR-INF//{'MANIFEST.json'}", b"{}")]
    assert "has the component ''" in refusal(write_tar_infos(tmp_path / "x.tgz", held), home).message


@pytest.mark.parametrize("write", [write_zip, write_tar])
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_bytes_are_changed_it_is_unpacked_or_refused(
    tmp_path: Path, write: Write, data: st.DataObject
) -> None:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    whole = bytearray(write(tmp_path / "x.mar", good(**{"a/b": b"hello" * 50})).read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=8)):
        whole[place] = data.draw(st.integers(0, 255))
    (tmp_path / "x.mar").write_bytes(whole)
    rules = ArchiveSettings(total_bytes=1 << 20)
    with contextlib.suppress(DragomanError):
        shutil.rmtree(unpack(str(tmp_path / "x.mar"), "x.mar", str(home), rules))
    assert list(home.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "x.mar"]


def test_deflate_data_that_is_damaged_is_an_error(tmp_path: Path, home: Path) -> None:
    path = write_zip(tmp_path / "x.mar", {**good(), "noise": zlib.compress(b"")})
    data = bytearray(path.read_bytes())
    start = data.index(b"echo.py") + len(b"echo.py")
    data[start : start + 8] = b"\xff" * 8
    path.write_bytes(data)
    assert refusal(path, home).code is Code.INTERNAL
