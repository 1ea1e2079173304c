"""The file of deployments."""

import os
import threading
from pathlib import Path

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.security.deployments import change_deployments, read_deployments, usual_file
from dragoman.security.secret_files import SecretReader
from dragoman.security.source import PolicySource
from dragoman.settings.access import AccessSettings
from dragoman.settings.deployment import Deployment
from tests.unit.security.hashes import deployed, policy, user

FULL = Deployment(name="d", id="des1", model="m", version=3, credentials=(user(),))


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "deployments.yaml")


def read(file: str) -> tuple[Deployment, ...]:
    return read_deployments(file, SecretReader())


def test_it_lies_beside_the_repository(tmp_path: Path) -> None:
    assert usual_file(str(tmp_path / "models")) == str(tmp_path / "deployments.yaml")
    assert usual_file(str(tmp_path / "models") + "/") == str(tmp_path / "deployments.yaml")


def test_no_file_is_no_deployments(file: str) -> None:
    assert read(file) == ()


def test_what_is_written_is_read_again(file: str) -> None:
    written = (FULL, deployed("e", "n", open=True))
    change_deployments(file, lambda _: written)
    assert read(file) == written


def test_only_its_owner_may_read_it(file: str) -> None:
    change_deployments(file, lambda _: [FULL])
    assert os.stat(file).st_mode & 0o777 == 0o600
    assert sorted(os.listdir(os.path.dirname(file))) == ["deployments.yaml", "deployments.yaml.lock"]


def test_a_change_that_fails_leaves_it_as_it_was(file: str) -> None:
    change_deployments(file, lambda _: [FULL])

    def fail(_: tuple[Deployment, ...]) -> list[Deployment]:
        raise DragomanError(Code.NOT_FOUND, "no")

    with pytest.raises(DragomanError, match="no"):
        change_deployments(file, fail)
    assert read(file) == (FULL,)


def test_changes_at_once_are_all_kept(file: str) -> None:
    def add(number: int) -> None:
        change_deployments(file, lambda known: [*known, deployed(f"d{number}", "m")])

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {deployment.name for deployment in read(file)} == {f"d{number}" for number in range(8)}


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_one_that_others_may_write_is_not_believed(file: str, mode: int) -> None:
    change_deployments(file, lambda _: [FULL])
    os.chmod(file, mode)
    with pytest.raises(DragomanError, match="chmod 600") as caught:
        read(file)
    assert caught.value.code is Code.PERMISSION_DENIED


def test_every_mistake_is_told_with_its_line(file: str) -> None:
    Path(file).write_text("deployments:\n- name: d\n  modell: m\n- name: e\n  model: 5\n")
    os.chmod(file, 0o600)
    with pytest.raises(DragomanError) as caught:
        read(file)
    message = caught.value.message
    assert f"{file}:3: deployments[0].modell: there is no such key; did you mean model?" in message
    assert f"{file}:5: deployments[1].model: " in message


class TestSource:
    """A policy that follows the files."""

    def source(self, file: str) -> PolicySource:
        return PolicySource(AccessSettings(), [deployed("own", "m")], file)

    def test_a_file_that_appears_and_changes_is_noticed(self, file: str) -> None:
        source = self.source(file)
        assert source.read().closed == frozenset()
        assert not source.changed()
        change_deployments(file, lambda _: [FULL])
        assert source.changed()
        assert source.read().closed == {"m"}
        assert not source.changed()

    def test_a_file_that_goes_does_not_open_what_it_closed(self, file: str) -> None:
        change_deployments(file, lambda _: [FULL])
        source = self.source(file)
        source.read()
        os.unlink(file)
        assert source.changed()
        with pytest.raises(DragomanError, match="the file is gone"):
            source.read()
        assert not source.changed()
        change_deployments(file, lambda _: [])
        assert source.changed()
        assert source.read().closed == frozenset()

    def test_a_broken_file_is_told_once_and_read_again_when_it_changes(self, file: str) -> None:
        source = self.source(file)
        source.read()
        Path(file).write_text("deployments: [")
        os.chmod(file, 0o600)
        assert source.changed()
        with pytest.raises(DragomanError, match=r"deployments\.yaml:1"):
            source.read()
        assert not source.changed()

    def test_settings_and_file_are_taken_together(self, file: str) -> None:
        change_deployments(file, lambda _: [FULL])
        assert set(self.source(file).read().deployments) == {"own", "d", "des1"}
        assert policy().deployments == {}
