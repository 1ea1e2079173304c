"""Hashes of passwords."""

import bcrypt
import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.security.passwords import NOBODY, check_hash, hash_password, looks_hashed, verify
from tests.unit.security.hashes import FANATIC


def test_a_password_is_hashed_with_argon2id_and_verified() -> None:
    hashed = hash_password("fanatic")
    assert hashed.startswith("$argon2id$")
    assert check_hash(hashed) == hashed
    assert verify(hashed, b"fanatic")
    assert not verify(hashed, b"fanatiC")


def test_two_hashes_of_one_password_differ() -> None:
    assert hash_password("fanatic") != hash_password("fanatic")


@pytest.mark.parametrize("kind", ["$2a$", "$2b$", "$2y$"])
def test_every_form_of_bcrypt_is_verified(kind: str) -> None:
    hashed = kind + FANATIC[4:]
    assert check_hash(hashed) == hashed
    assert verify(hashed, b"fanatic")
    assert not verify(hashed, b"")


def test_a_password_that_is_too_long_for_bcrypt_is_wrong_and_not_cut() -> None:
    hashed = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    assert verify(hashed, b"x" * 72)
    assert not verify(hashed, b"x" * 73)


@pytest.mark.parametrize("password", ["", "x" * 1025])
def test_a_password_that_is_empty_or_huge_is_not_hashed(password: str) -> None:
    with pytest.raises(DragomanError, match="1 to 1024 bytes") as caught:
        hash_password(password)
    assert caught.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("hashed", "said"),
    [
        ("$apr1$sKQHOGE6$xqnD4bMuWZzcRTIpgIbpG/", "an MD5 hash is not accepted"),
        ("{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "an unsalted SHA-1 hash is not accepted"),
        ("$5$salt$hash", "SHA-256 crypt"),
        ("$6$salt$hash", "SHA-512 crypt"),
        ("rqXexS6ZhobKA", "no whole hash"),
        ("fanatic", "no whole hash"),
        ("", "no whole hash"),
        (FANATIC[:-1], "no whole hash"),
        (FANATIC + "x", "no whole hash"),
        ("$argon2id$v=19$m=19456,t=2,p=1$abcd", "no whole hash"),
        (NOBODY.replace("m=19456", "m=4194304"), "too costly"),
        (NOBODY.replace("t=2", "t=999"), "too costly"),
        (FANATIC.replace("$04$", "$31$"), "too costly"),
        (FANATIC.replace("$04$", "$00$"), "too costly"),
    ],
)
def test_a_hash_that_is_not_accepted_is_refused_without_being_repeated(hashed: str, said: str) -> None:
    with pytest.raises(DragomanError, match=said) as caught:
        check_hash(hashed)
    assert not hashed or hashed not in caught.value.message


def test_hashes_are_told_from_passwords() -> None:
    assert looks_hashed(FANATIC)
    assert looks_hashed(NOBODY)
    assert looks_hashed("$apr1$sKQHOGE6$xqnD4bMuWZzcRTIpgIbpG/")
    assert not looks_hashed("fanatic")
    assert not looks_hashed("$ecret")


def test_nobody_is_a_hash_that_can_be_verified() -> None:
    assert check_hash(NOBODY) == NOBODY
    assert not verify(NOBODY, b"")
