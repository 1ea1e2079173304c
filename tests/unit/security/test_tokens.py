"""Keys for inference and management: what they let pass, how they expire, how they are renewed."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.security.tokens import NOT_RENEWED, REFUSED, Tokens, Use


class Keys:
    """Tokens of a server, and the clock that they go by."""

    def __init__(self, file: Path, minutes: int = 60) -> None:
        self.now_s = 1_000_000.0
        self.file = file
        self.tokens = Tokens(str(file), minutes, lambda: self.now_s)
        self.tokens.write()

    def told(self) -> Any:
        return json.loads(self.file.read_text())

    def key(self, use: str) -> str:
        return str(self.told()[use]["key"])

    def passes(self, use: Use, authorization: str | None) -> bool:
        try:
            self.tokens.check(use, authorization)
        except DragomanError as error:
            return (error.code, error.message) != (Code.UNAUTHENTICATED, REFUSED)
        return True


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "key_file.json")


def test_each_key_is_good_for_its_own_use_alone(keys: Keys) -> None:
    for use in Use:
        for name in ("management", "inference", "API"):
            assert keys.passes(use, f"Bearer {keys.key(name)}") == (name == use.value)


@pytest.mark.parametrize(
    "form", ["{}", "bearer {}", "Bearer  {}", "Bearer {} ", "Bearer {}x", "Basic {}", ""]
)
def test_a_key_counts_only_as_a_bearer_token_and_whole(keys: Keys, form: str) -> None:
    assert not keys.passes(Use.INFERENCE, form.format(keys.key("inference")))


@pytest.mark.parametrize("authorization", [None, "", "Bearer ", "Bearer \u00e4\ud800"])
def test_what_is_no_key_is_refused(keys: Keys, authorization: str | None) -> None:
    assert not keys.passes(Use.MANAGEMENT, authorization)


def test_keys_are_random_and_long(tmp_path: Path) -> None:
    drawn = set()
    for number in range(20):
        keys = Keys(tmp_path / f"{number}.json")
        drawn |= {keys.key(use) for use in ("management", "inference", "API")}
    assert len(drawn) == 60
    assert min(len(key) for key in drawn) >= 22  # 128 bits in base 64


def test_a_key_expires(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "k.json", minutes=2)
    header = f"Bearer {keys.key('inference')}"
    keys.now_s += 119.9
    assert keys.passes(Use.INFERENCE, header)
    keys.now_s += 0.1
    assert not keys.passes(Use.INFERENCE, header)
    assert keys.told()["inference"]["expiration time"] == "1970-01-12T13:48:40.000000Z"


def test_a_renewed_key_takes_the_place_of_the_old_one_and_of_no_other(keys: Keys) -> None:
    old = {use: keys.key(use) for use in ("management", "inference", "API")}
    keys.now_s += 3000
    keys.tokens.renew("inference", f"Bearer {old['API']}")
    assert not keys.passes(Use.INFERENCE, f"Bearer {old['inference']}")
    assert keys.passes(Use.INFERENCE, f"Bearer {keys.key('inference')}")
    assert (keys.key("management"), keys.key("API")) == (old["management"], old["API"])
    keys.now_s += 3000
    assert keys.passes(Use.INFERENCE, f"Bearer {keys.key('inference')}")


@pytest.mark.parametrize("use", ["API", "", "Inference", "nonsense"])
def test_what_has_no_key_that_expires_is_not_renewed(keys: Keys, use: str) -> None:
    with pytest.raises(DragomanError, match=NOT_RENEWED):
        keys.tokens.renew(use, f"Bearer {keys.key('API')}")


@pytest.mark.parametrize("name", ["management", "inference"])
def test_only_the_key_for_that_renews(keys: Keys, name: str) -> None:
    before = keys.told()
    with pytest.raises(DragomanError, match=NOT_RENEWED):
        keys.tokens.renew(name, f"Bearer {keys.key(name)}")
    assert keys.told() == before


def test_the_file_is_for_this_user_alone_whatever_lay_there(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    elsewhere.chmod(0o666)
    (tmp_path / "key_file.json").symlink_to(elsewhere)
    keys = Keys(tmp_path / "key_file.json")
    assert stat.S_IMODE(os.lstat(keys.file).st_mode) == 0o600
    assert not keys.file.is_symlink()
    assert elsewhere.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "key_file.json"]
    keys.tokens.remove()
    assert not keys.file.exists()


def test_a_key_that_cannot_be_told_is_not_renewed(keys: Keys) -> None:
    api, old = keys.key("API"), keys.key("inference")
    keys.file.unlink()
    keys.file.mkdir()
    with pytest.raises(DragomanError, match=r"key_file\.json, which keys are written to: is a directory"):
        keys.tokens.renew("inference", f"Bearer {api}")
    assert keys.passes(Use.INFERENCE, f"Bearer {old}")
    assert [path.name for path in keys.file.parent.iterdir()] == ["key_file.json"]
