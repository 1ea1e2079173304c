"""TorchServe's tokens: a key for inference and one for management, which expire, and one that renews them.

They are made at the start and written into a file that only this user reads. All of a key is random, and it
is compared in a time that says nothing of it.
"""

import contextlib
import enum
import hmac
import json
import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from dragoman.core.errors import Code, DragomanError

KEY_BYTES: Final = 16
SECONDS: Final = 60.0
SCHEME: Final = "Bearer "
REFUSED: Final = "Token Authorization failed. Token either incorrect, expired, or not provided correctly"
NOT_RENEWED: Final = "Token Authentication failed. Token either incorrect, expired, or not provided correctly"


class Use(enum.Enum):
    """What a key is for."""

    MANAGEMENT = "management"
    INFERENCE = "inference"


class Key(Struct, frozen=True):
    """A key and when it expires, in Unix time."""

    text: str
    until_s: float


class Tokens:
    """The keys of one server. `wall_s` tells Unix time, `draw` a new secret text."""

    def __init__(
        self,
        file: str,
        minutes: int,
        wall_s: Callable[[], float],
        draw: Callable[[], str] = lambda: secrets.token_urlsafe(KEY_BYTES),
    ) -> None:
        self.file = file
        self._lasts_s = minutes * SECONDS
        self._wall_s = wall_s
        self._draw = draw
        self._keys = {use: self._new() for use in Use}
        self._renewing = draw()

    def check(self, use: Use, authorization: str | None) -> None:
        """Nothing, if this is the key for that use, and it has not expired.

        Errors: UNAUTHENTICATED.
        """
        key = self._keys[use]
        if not (is_same(key.text, authorization) and self._wall_s() < key.until_s):
            raise DragomanError(Code.UNAUTHENTICATED, REFUSED)

    def renew(self, use: str, authorization: str | None) -> None:
        """Make a new key for that use, where this is the key that may ask for it.

        Errors: UNAUTHENTICATED, also for a use that there is not; INTERNAL where the file cannot be written,
        and then the old key counts.
        """
        known = [one for one in Use if one.value == use]
        if not (is_same(self._renewing, authorization) and known):
            raise DragomanError(Code.UNAUTHENTICATED, NOT_RENEWED)
        before = dict(self._keys)
        self._keys[known[0]] = self._new()
        try:
            self.write()
        except DragomanError:
            self._keys = before
            raise

    def write(self) -> None:
        """Put the keys into the file, whatever is there.

        Errors: INTERNAL.
        """
        kept = {
            use.value: {"key": key.text, "expiration time": told(key.until_s)}
            for use, key in self._keys.items()
        }
        text = json.dumps({**kept, "API": {"key": self._renewing}}, indent=2)
        new = f"{self.file}.{secrets.token_hex(8)}"
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(f"{text}\n")
            os.replace(new, self.file)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(new)
            why = (error.strerror or "unknown reason").lower()
            raise DragomanError(
                Code.INTERNAL, f"{os.path.basename(self.file)}, which keys are written to: {why}"
            ) from error

    def remove(self) -> None:
        """Delete the file."""
        with contextlib.suppress(OSError):
            os.unlink(self.file)

    def _new(self) -> Key:
        return Key(self._draw(), self._wall_s() + self._lasts_s)


def is_same(key: str, authorization: str | None) -> bool:
    """Whether a header holds that key and nothing else; how long it takes does not tell how much is right."""
    given = (authorization or "").encode("utf-8", "replace")
    return hmac.compare_digest(f"{SCHEME}{key}".encode(), given)


def told(unix_s: float) -> str:
    """A time as the reference writes it."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
