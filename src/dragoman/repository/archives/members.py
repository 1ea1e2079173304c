"""What an archive holds, member by member, as a stream: nothing is believed that a header says of sizes.

A member that is neither file nor folder (a link, a device, a pipe) is refused, and so is one that is
encrypted or compressed in another way than `.mar` files are. Reading never takes more memory than
MOST_AT_ONCE and the list of the members.
"""

import gzip
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, Final, cast

from dragoman.core.errors import DragomanError
from dragoman.repository.archives.paths import bad_name
from dragoman.repository.archives.refusals import damaged, refused
from dragoman.repository.archives.streams import (
    END_BYTES,
    MOST_AT_ONCE,
    BoundedFile,
    ForwardStream,
    TooMuchError,
)
from dragoman.settings.archives import ArchiveSettings

GZIP: Final = b"\x1f\x8b"
ENCRYPTED: Final = 1 | 1 << 6 | 1 << 13  # flags of a zip member: the data, strongly, the directory
COMPRESSIONS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
OTHER_COMPRESSIONS: Final = {9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstd", 95: "xz"}
ENTRY_BYTES: Final = 512  # of a zip's directory for each member that is allowed
HEADER_BYTES: Final = 4096  # of a tar for each member, padding of its data included
TAIL_BYTES: Final = 128 * 1024  # what is looked at to find that directory
TAR_KINDS: Final = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
}
ZIP_KINDS: Final = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}
BROKEN: Final = (
    EOFError,
    MemoryError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    RuntimeError,
    UnicodeError,
    ValueError,
    gzip.BadGzipFile,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


class Member:
    """One file or folder. Its data is there until the next member is asked for."""

    def __init__(self, name: str, archive: str, data: Callable[[], IO[bytes] | None] | None = None) -> None:
        self.name = name
        self.is_folder = data is None
        self._archive = archive
        self._open = data
        self._data: IO[bytes] | None = None

    def pieces(self) -> Iterator[bytes]:
        """A file's data.

        Errors: as `members`.
        """
        while piece := self._read():
            yield piece

    def _read(self) -> bytes:
        with reading(self._archive):
            if self._data is None and self._open is not None:
                self._data = self._open()
            return b"" if self._data is None else self._data.read(MOST_AT_ONCE)


def members(
    file: IO[bytes], archive: str, rules: ArchiveSettings, most_inflated: int | None = None
) -> Iterator[Member]:
    """The members of a zip or a tar.gz, in the order in which they lie there; `archive` is for messages.

    `most_inflated`: how far a tar.gz is read; None = as far as the rules allow.
    Errors: INTERNAL with reason ARCHIVE_UNUSABLE for what is damaged or cut off, INVALID_ARGUMENT with the
    same for what must not be unpacked.
    """
    with reading(archive):
        is_tar = file.read(len(GZIP)) == GZIP
        file.seek(0)
        most = most_inflated or rules.total_bytes + rules.members * HEADER_BYTES + END_BYTES
        found = tar_members(file, archive, most) if is_tar else zip_members(file, archive, rules)
        for count, member in enumerate(found, 1):
            if count > rules.members:
                raise too_many(archive, rules.members)
            yield member


@contextmanager
def reading(archive: str) -> Iterator[None]:
    """Turns what the libraries raise into errors of ours."""
    try:
        yield
    except TooMuchError as error:
        raise refused(archive, str(error)) from error
    except BROKEN as error:
        raise damaged(archive, reason(error)) from error


def zip_members(file: IO[bytes], archive: str, rules: ArchiveSettings) -> Iterator[Member]:
    """The members of a zip. All that its directory says is judged before the first."""
    most = rules.members * ENTRY_BYTES + TAIL_BYTES
    with zipfile.ZipFile(cast(IO[bytes], BoundedFile(file, most))) as opened:
        infos = opened.infolist()
        if len(infos) > rules.members:
            raise too_many(archive, rules.members)
        for info in infos:
            check_zip_member(info, archive)
        if sum(info.file_size for info in infos) > rules.total_bytes:
            raise too_large(archive, rules.total_bytes)
        for info in infos:
            data = None if is_zip_folder(info) else partial(opened.open, info)
            yield Member(info.filename, archive, data)


def check_zip_member(info: zipfile.ZipInfo, archive: str) -> None:
    """Nothing, if this is a plain file or a folder."""
    if "\0" in info.orig_filename:  # the library cuts the name there
        raise bad_name(archive, info.orig_filename, "holds a NUL")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise bad_name(archive, info.filename, f"is {ZIP_KINDS.get(kind, 'no file')}")
    if info.flag_bits & ENCRYPTED:
        raise bad_name(archive, info.filename, "is encrypted")
    if info.compress_type not in COMPRESSIONS:
        method = OTHER_COMPRESSIONS.get(info.compress_type, f"method {info.compress_type}")
        raise bad_name(archive, info.filename, f"is compressed by {method}; deflate is what can be read")


def is_zip_folder(info: zipfile.ZipInfo) -> bool:
    """Whether a member is a folder."""
    return info.is_dir() or stat.S_ISDIR(info.external_attr >> 16)


class ForgetfulTar(tarfile.TarFile):
    """A tar that is read once, from front to end."""

    members: list[tarfile.TarInfo]

    def forget(self) -> None:
        """Drop the members that were read: each holds a copy of what was said for all."""
        self.members.clear()


def tar_members(file: IO[bytes], archive: str, most_inflated: int) -> Iterator[Member]:
    """The members of a tar.gz."""
    stream = ForwardStream(cast(IO[bytes], gzip.GzipFile(fileobj=file)), most_inflated)
    opened = ForgetfulTar(
        fileobj=cast(IO[bytes], stream), mode="r", encoding="utf-8", errors="surrogateescape"
    )
    while (info := opened.next()) is not None:
        opened.forget()
        if info.isdir():
            yield Member(info.name, archive)
            continue
        if not info.isreg() or info.issparse() or info.size < 0:
            raise bad_name(archive, info.name, f"is {TAR_KINDS.get(info.type, 'no plain file')}")
        yield Member(info.name, archive, partial(opened.extractfile, info))
    if not stream.ends_in_zeros:
        raise damaged(archive, "it is damaged or cut off")
    stream.drain()


def too_many(archive: str, most: int) -> DragomanError:
    """The error for an archive of too many members."""
    return refused(archive, f"it has more than {most} members (archives.members)")


def too_large(archive: str, most: int) -> DragomanError:
    """The error for an archive that would fill the disk."""
    return refused(archive, f"it holds more than {most} bytes (archives.total_bytes)")


def reason(error: BaseException) -> str:
    """What a library says of a broken archive."""
    if isinstance(error, EOFError):
        return "it is cut off"
    text = str(error).strip().splitlines()
    return text[0][:200] if text else "it is damaged"
