"""Who the command line says it is."""

from base64 import b64decode
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dragoman.cli.client import login
from dragoman.cli.failure import FailureError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def pair(url: str) -> str | None:
    header = login(urlsplit(url)).get("Authorization")
    return None if header is None else b64decode(header.removeprefix("Basic ")).decode()


def test_a_stranger_says_nothing(home: Path) -> None:
    assert pair("http://127.0.0.1:8000") is None


def test_the_addresss_user_and_password_count(home: Path) -> None:
    assert pair("http://pineapple:fan%40tic@127.0.0.1:8000") == "pineapple:fan@tic"
    assert pair("http://pineapple@127.0.0.1:8000") == "pineapple:"


def test_else_those_of_netrc_for_that_machine_count(home: Path) -> None:
    netrc = home / ".netrc"
    netrc.write_text("machine 127.0.0.1 login pineapple password fan%40tic\n")
    netrc.chmod(0o600)
    assert pair("http://127.0.0.1:8000") == "pineapple:fan%40tic"
    assert pair("http://localhost:8000") is None
    assert pair("http://other:one@127.0.0.1:8000") == "other:one"


def test_a_netrc_that_is_none_is_told(home: Path) -> None:
    netrc = home / ".netrc"
    netrc.write_text("nonsense\n")
    netrc.chmod(0o600)
    with pytest.raises(FailureError, match="netrc cannot be read"):
        login(urlsplit("http://127.0.0.1:8000"))
