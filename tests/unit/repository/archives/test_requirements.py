"""Packages that archives list, installed for one model: pip itself, without a network."""

import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.repository.archives.opening import Archive, Archives, OpenedArchive
from dragoman.repository.archives.requirements import Installer
from dragoman.settings.archives import ArchiveSettings
from tests.unit.repository.archives.built import MANIFEST, good, manifest, write_zip

LIST = "requirements.txt"
WHEEL = "toys-1.0-py3-none-any.whl"


def wheel() -> bytes:
    """A package `toys` with a number in it."""
    path = Path(WHEEL)
    told = "toys-1.0.dist-info"
    held = {
        "toys.py": "NUMBER = 7\n",
        f"{told}/METADATA": "Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n",
        f"{told}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{told}/RECORD": f"toys.py,,\n{told}/METADATA,,\n{told}/WHEEL,,\n{told}/RECORD,,\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in held.items():
            archive.writestr(name, text)
    return path.read_bytes()


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_RETRIES", "0")


def opened(
    tmp_path: Path, wanted: str, config: bytes = b"", *, install: bool = True, **more: bytes
) -> OpenedArchive:
    """An archive that lists these requirements, opened."""
    told = manifest(requirementsFile=LIST, configFile="model-config.yaml")
    held = {**good(), MANIFEST: told, LIST: wanted.encode(), "model-config.yaml": config, **more}
    (tmp_path / "private").mkdir()
    settings = ArchiveSettings(folder=str(tmp_path / "private"), install_requirements=install)
    path = write_zip(tmp_path / "x.mar", held)
    return Archives(settings).open(Archive(str(path), "x.mar"), "echo")


def said(command: list[str]) -> str:
    """What a command prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def left(tmp_path: Path) -> list[Path]:
    """What is there of archives."""
    return [path for path in (tmp_path / "private").glob("*/*") if path.name != "lock"]


def test_packages_go_to_a_folder_of_their_own_for_the_path(tmp_path: Path) -> None:
    found = opened(tmp_path, f"--no-index\n./{WHEEL}\n", **{WHEEL: wheel()})
    packages = found.python.packages
    code = f"import sys; sys.path.insert(0, {packages!r}); import toys; print(toys.NUMBER, toys.__file__)"
    assert said([sys.executable, "-c", code]) == f"7 {packages}/toys.py"
    assert found.python.interpreter == ""
    assert sorted(os.listdir(found.root)) == ["MAR-INF", "echo.py", "model-config.yaml", LIST, WHEEL]
    found.close()
    assert left(tmp_path) == []


def test_with_use_venv_they_go_to_an_environment_that_sees_the_servers_packages(tmp_path: Path) -> None:
    found = opened(tmp_path, f"--no-index\n./{WHEEL}\n", b"useVenv: true\n", **{WHEEL: wheel()})
    code = "import sys, toys, numpy, msgspec; print(toys.NUMBER, toys.__file__, sys.prefix)"
    number, file, prefix = said([found.python.interpreter, "-c", code]).split()
    assert number == "7"
    assert file.startswith(f"{prefix}/lib/")
    assert prefix.startswith(str(tmp_path / "private"))
    assert found.python.packages == ""
    found.close()
    assert left(tmp_path) == []


def test_a_package_that_cannot_be_had_is_named_and_nothing_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DragomanError) as caught:
        opened(tmp_path, "--no-index\nno-such-toys==1.0\n")
    assert caught.value.code is Code.FAILED_PRECONDITION
    assert caught.value.message == (
        "the Python packages that echo lists cannot be installed: "
        "there is no package no-such-toys==1.0 to be had"
    )
    assert "No matching distribution found for no-such-toys==1.0" in capsys.readouterr().out
    assert left(tmp_path) == []


def test_an_index_that_cannot_be_reached_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DragomanError, match="there is no package toys to be had"):
        opened(tmp_path, "--index-url http://127.0.0.1:9/simple\ntoys\n")


def test_a_list_that_is_none_is_an_error_whose_text_is_in_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DragomanError, match=r"cannot be installed: the server's log tells more"):
        opened(tmp_path, "this is no requirement\n")
    assert "Invalid requirement" in capsys.readouterr().out


def test_a_list_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "y.mar", {**good(), MANIFEST: manifest(requirementsFile="r.txt")})
    settings = ArchiveSettings(folder=str(tmp_path), install_requirements=True)
    with pytest.raises(DragomanError) as caught:
        Archives(settings).open(Archive(str(path), "y.mar"), "echo")
    assert caught.value.message == "y.mar/r.txt is not there, and the manifest names it"


def test_nothing_is_installed_unless_a_setting_allows_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = opened(tmp_path, "no-such-toys\n", install=False)
    assert (found.python.interpreter, found.python.packages) == ("", "")
    note = "x.mar/requirements.txt is not installed: archives.install_requirements is off"
    assert note in capsys.readouterr().out


WAITS = [sys.executable, "-c", "import signal; print('begun', flush=True); signal.pause()"]


def test_what_takes_too_long_is_killed(tmp_path: Path) -> None:
    with pytest.raises(DragomanError) as caught:
        Installer(0.01).run(WAITS, str(tmp_path), "echo")
    assert caught.value.message.endswith("it took longer than 0.01 s (archives.install_timeout_s)")


def test_the_end_of_the_server_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installer = Installer(60)
    wrong: list[str] = []

    def install() -> None:
        try:
            installer.run(WAITS, str(tmp_path), "echo")
        except DragomanError as error:
            wrong.append(error.message)

    begun = threading.Event()
    real = subprocess.Popen

    def noted(*arguments: object, **options: object) -> object:
        process = real(*arguments, **options)  # type: ignore[call-overload]
        begun.set()
        return process

    monkeypatch.setattr(subprocess, "Popen", noted)
    thread = threading.Thread(target=install)
    thread.start()
    assert begun.wait(30)
    installer.close()
    thread.join(30)
    with pytest.raises(DragomanError):
        installer.run(WAITS, str(tmp_path), "echo")
    assert wrong == ["the Python packages that echo lists cannot be installed: the server ends"]
