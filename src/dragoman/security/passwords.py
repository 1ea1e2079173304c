"""Hashes of passwords: argon2id, which is what is written here, and bcrypt, which many files hold."""

import re
from typing import Final

import argon2
import bcrypt

from dragoman.core.errors import DragomanError, invalid

# OWASP's first choice of parameters: about 20 ms on one core, and 19 MiB while it takes.
HASHER: Final = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# A hash of what nobody knows: the password of an unknown user is compared with it, to take as long.
NOBODY: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$VP9Kw4cL9kKc+sggH6c3XQ$yn5g6dwaCTXSFwAdaHvIPHl3OJZ7PrrKKIMr2ncU8/E"
)
ARGON2: Final = re.compile(
    r"\$argon2id?\$v=19\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,9})\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{22,}"
)
BCRYPT: Final = re.compile(r"\$2[aby]\$(\d\d)\$[A-Za-z0-9./]{53}")
OTHERS: Final = (
    ("$apr1$", "an MD5 hash"),
    ("$1$", "an MD5 hash"),
    ("{SHA}", "an unsalted SHA-1 hash"),
    ("$5$", "a SHA-256 crypt hash"),
    ("$6$", "a SHA-512 crypt hash"),
)
# What a hash may ask for, so that a file cannot stall the server: KiB, passes, lanes; bcrypt's doublings.
MOST_ARGON2: Final = (256 * 1024, 16, 16)
LEAST_BCRYPT, MOST_BCRYPT = 4, 14
MOST_BYTES: Final = 1024  # of a password; bcrypt takes 72


def hash_password(password: str) -> str:
    """An argon2id hash.

    Errors: INVALID_ARGUMENT for a password that is empty or too long.
    """
    if not password or len(password.encode()) > MOST_BYTES:
        raise invalid(f"a password has 1 to {MOST_BYTES} bytes")
    return HASHER.hash(password)


def looks_hashed(text: str) -> bool:
    """Whether this is meant to be a hash, of whichever kind, and not the password itself."""
    return text.startswith(("$argon2", "$2a$", "$2b$", "$2y$", *(start for start, _ in OTHERS)))


def check_hash(text: str) -> str:
    """The hash itself.

    Errors: INVALID_ARGUMENT for one that is not verified here, or at too great a cost. It is not repeated.
    """
    if found := ARGON2.fullmatch(text):
        if any(int(asked) > most for asked, most in zip(found.groups(), MOST_ARGON2, strict=True)):
            raise too_costly("argon2", "m={},t={},p={}".format(*MOST_ARGON2))
    elif found := BCRYPT.fullmatch(text):
        if not LEAST_BCRYPT <= int(found[1]) <= MOST_BCRYPT:
            raise too_costly("bcrypt", f"a cost of {MOST_BCRYPT}")
    else:
        kind = next((kind for start, kind in OTHERS if text.startswith(start)), "what is no whole hash")
        raise invalid(f"{kind} is not accepted: give a bcrypt hash (htpasswd -B) or an argon2id hash")
    return text


def too_costly(kind: str, most: str) -> DragomanError:
    """The error for a hash that takes too long to verify."""
    return invalid(f"this {kind} hash is too costly to verify: at most {most} is accepted")


def verify(hashed: str, password: bytes) -> bool:
    """Whether this is the password. Takes long on purpose, and lets other threads run meanwhile."""
    try:
        if BCRYPT.fullmatch(hashed):
            return bcrypt.checkpw(password, hashed.encode())
        return HASHER.verify(hashed, password)
    except (argon2.exceptions.VerificationError, ValueError):  # ValueError: more bytes than bcrypt takes
        return False
