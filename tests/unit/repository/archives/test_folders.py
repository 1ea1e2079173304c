"""The folder below which archives are unpacked."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.repository.archives.folders import PREFIX, PrivateFolder

KILLED = """
import os, signal, sys
from dragoman.repository.archives.folders import PrivateFolder
folder = PrivateFolder(sys.argv[1])
open(os.path.join(folder.path(), "weights"), "w").close()
os.kill(os.getpid(), signal.SIGKILL)
"""


def folders(parent: Path) -> list[str]:
    """The folders of servers below one."""
    return [str(path) for path in parent.iterdir() if path.name.startswith(PREFIX)]


def test_it_is_made_when_it_is_asked_for_and_is_private(tmp_path: Path) -> None:
    folder = PrivateFolder(str(tmp_path))
    assert folders(tmp_path) == []
    path = folder.path()
    assert folders(tmp_path) == [path]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o700
    assert folder.path() == path
    folder.close()
    assert folders(tmp_path) == []


def test_it_is_not_made_again_when_it_was_closed(tmp_path: Path) -> None:
    folder = PrivateFolder(str(tmp_path))
    folder.path()
    folder.close()
    folder.close()
    with pytest.raises(DragomanError, match="the server ends") as caught:
        folder.path()
    assert caught.value.code is Code.UNAVAILABLE
    assert folders(tmp_path) == []


def test_a_killed_server_s_folder_is_deleted_by_the_next(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    (left,) = folders(tmp_path)
    folder = PrivateFolder(str(tmp_path))
    made = folder.path()
    assert folders(tmp_path) == [made]
    assert not os.path.exists(left)
    folder.close()


def test_a_living_server_s_folder_is_not(tmp_path: Path) -> None:
    first, second = PrivateFolder(str(tmp_path)), PrivateFolder(str(tmp_path))
    paths = sorted([first.path(), second.path()])
    assert sorted(folders(tmp_path)) == paths
    first.close()
    second.close()


def test_a_folder_that_is_only_just_being_made_is_not_and_neither_is_anything_else(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}new").mkdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "lock").touch()
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "mine")
    folder = PrivateFolder(str(tmp_path))
    folder.path()
    assert (tmp_path / f"{PREFIX}new").exists()
    assert (tmp_path / "mine" / "lock").exists()
    folder.close()


def test_a_place_where_none_can_be_made_is_an_error_that_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(DragomanError) as caught:
        PrivateFolder(str(tmp_path / "none")).path()
    assert caught.value.code is Code.FAILED_PRECONDITION
    assert caught.value.message == (
        "there is no place to unpack archives (archives.folder): no such file or directory"
    )
