"""Hostile archives that are registered, of the store or from a URL: nothing outside is written.

An audit hook tells which files were written and which addresses connected to, whatever the answer was.
"""

import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from dragoman.core.control import Register
from dragoman.core.errors import DragomanError
from dragoman.repository.archives.opening import Archive, Archives
from dragoman.repository.arrivals import Arrivals
from dragoman.settings.archives import ArchiveSettings
from dragoman.settings.model import ModelSettings
from dragoman.settings.registration import RegistrationSettings
from tests.security.site import Site
from tests.security.watching import WATCH, Seen
from tests.unit.repository.archives.built import (
    MANIFEST,
    good,
    manifest,
    tar_member,
    write_infos,
    write_tar_infos,
    write_zip,
    zip_member,
)

LINK: Final = stat.S_IFLNK | 0o777
LIMIT: Final = 1 << 20


def zipped(*members: tuple[zipfile.ZipInfo, bytes]) -> Callable[[Path], Path]:
    first = [zip_member(name, data=data) for name, data in good().items()]
    return lambda folder: write_infos(folder / "a.mar", [*first, *members])


def tarred(*members: tuple[tarfile.TarInfo, bytes]) -> Callable[[Path], Path]:
    first = [tar_member(name, data) for name, data in good().items()]
    return lambda folder: write_tar_infos(folder / "a.tar.gz", [*first, *members])


HOSTILE: Final = {
    "climbs": zipped(zip_member("../escaped")),
    "climbs later": zipped(zip_member("a/../../escaped")),
    "absolute": zipped(zip_member("/etc/escaped")),
    "of Windows": zipped(zip_member("..\\escaped")),
    "drive": zipped(zip_member("C:/escaped")),
    "link": zipped(zip_member("out", LINK, b"/etc"), zip_member("out/escaped")),
    "bomb": zipped(zip_member("zeros", data=bytes(8 * LIMIT))),
    "tar climbs": tarred(tar_member("../escaped", b"x")),
    "tar absolute": tarred(tar_member("/etc/escaped", b"x")),
    "tar link": tarred(
        tar_member("out", kind=tarfile.SYMTYPE, link="/etc"),
        tar_member("out/escaped", b"x"),
    ),
    "tar hard link": tarred(tar_member("out", kind=tarfile.LNKTYPE, link="/etc/passwd")),
    "tar device": tarred(tar_member("out", kind=tarfile.CHRTYPE)),
    "tar pipe": tarred(tar_member("out", kind=tarfile.FIFOTYPE)),
    "manifest that names a file elsewhere": lambda folder: write_zip(
        folder / "a.mar", {"echo.py": b"", MANIFEST: manifest(configFile="../../etc/passwd")}
    ),
}


@pytest.fixture
def site() -> Iterator[Site]:
    with Site().open() as site:
        yield site


class Place:
    """The folders of a server that registers archives, and what loads them."""

    def __init__(self, root: Path) -> None:
        self.store, self.parent = root / "store", root / "private"
        self.store.mkdir()
        self.parent.mkdir()
        settings = RegistrationSettings(
            store=str(self.store), allowed_urls=("http://127.0.0.1:.*",), networks=("127.0.0.1/32",)
        )
        self._arrivals = Arrivals(settings, ModelSettings, str(self.parent))
        self._archives = Archives(ArchiveSettings(folder=str(self.parent), total_bytes=LIMIT))

    def refuses(self, url: str) -> Seen:
        """What is done until the archive is refused: when it is looked for, or when it is opened."""
        with WATCH.looking() as seen, pytest.raises(DragomanError):
            self._open(url)
        self._archives.close()
        self._arrivals.close()
        return seen

    def _open(self, url: str) -> None:
        arrival = self._arrivals.take(Register(url))
        try:
            self._archives.open(Archive(arrival.path, Path(arrival.path).name), arrival.model)
        finally:
            self._arrivals.discard(arrival.path)

    def left(self) -> list[str]:
        """What is there now besides folders that hold nothing."""
        return [str(path) for path in (*self.store.rglob("*"), *self.parent.rglob("*")) if path.is_file()]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_of_the_store_writes_nothing_outside(name: str, tmp_path: Path) -> None:
    place = Place(tmp_path)
    file = HOSTILE[name](place.store)
    seen = place.refuses(file.name)
    assert seen.connected == []
    assert seen.written_outside(place.parent) == set()
    assert place.left() == [str(file)]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_from_a_url_writes_nothing_outside_and_is_deleted(
    name: str, tmp_path: Path, site: Site
) -> None:
    place = Place(tmp_path)
    file = HOSTILE[name](tmp_path / "elsewhere")
    site.give(f"/{file.name}", file.read_bytes())
    seen = place.refuses(f"{site.url}/{file.name}")
    assert {address for address, _ in seen.connected} == {"127.0.0.1"}
    assert seen.written_outside(place.parent, place.store / ".downloads") <= {str(place.store / ".downloads")}
    assert place.left() == []
