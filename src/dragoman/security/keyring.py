"""The credentials that the server knows, ready to be compared with what callers offer."""

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from dragoman.core.access import Permission
from dragoman.core.errors import DragomanError, invalid
from dragoman.security.htpasswd import read_htpasswd
from dragoman.security.offered import token_digest
from dragoman.security.passwords import check_hash, hash_password, looks_hashed
from dragoman.security.secret_files import SecretReader
from dragoman.settings.access import CredentialSettings

TOKEN_HASH: Final = re.compile(r"sha256:([0-9a-fA-F]{64})")
LEAST_TOKEN: Final = 16  # characters; tokens are not slow to try, so they must be long


class Grant(Struct, frozen=True):
    """What a credential allows. `models` empty = every one; `deployment` empty = it is the server's."""

    permissions: frozenset[Permission]
    models: frozenset[str] = frozenset()
    deployment: str = ""

    def covers(self, model: str | None, permission: Permission, deployment: str) -> bool:
        """Whether it allows this on a model, or on all of them (None).

        A deployment that has credentials of its own (else "") does not take those of another one.
        """
        return (
            permission in self.permissions
            and (not self.models or model in self.models)
            and (not deployment or self.deployment in ("", deployment))
        )


class Credential(Struct, frozen=True):
    """Who a caller turned out to be, and what that allows."""

    name: str
    grant: Grant


class Login(Struct, frozen=True):
    """The hash of a password and what it opens."""

    hashed: str
    credential: Credential

    def __repr__(self) -> str:
        return f"Login({self.credential!r})"


class Keyring:
    """Passwords by user name, tokens by digest. Users of several deployments may have the same name."""

    def __init__(self) -> None:
        self._logins: dict[str, tuple[Login, ...]] = {}
        self._tokens: dict[bytes, tuple[Credential, ...]] = {}

    @property
    def passwords(self) -> bool:
        """Whether there is a user name to log in with."""
        return bool(self._logins)

    @property
    def tokens(self) -> bool:
        """Whether there is a token."""
        return bool(self._tokens)

    def logins(self, username: str) -> tuple[Login, ...]:
        """Everything that a user's password may be."""
        return self._logins.get(username, ())

    def holders(self, digest: bytes) -> tuple[Credential, ...]:
        """What a token opens. Callers cannot choose a digest, so the time of the look-up tells nothing."""
        return self._tokens.get(digest, ())

    def add(self, settings: CredentialSettings, grant: Grant, where: str, read: SecretReader) -> None:
        """Add what the settings say.

        Errors: INVALID_ARGUMENT, NOT_FOUND or PERMISSION_DENIED naming the credential or its file.
        """
        what = f"{where}credential {settings.name or settings.username or settings.htpasswd or '?'!r}"
        ways = [settings.username is not None, settings.token is not None, settings.htpasswd is not None]
        if sum(ways) != 1 or (settings.password is None) == ways[0]:
            raise invalid(f"{what}: give username and password, or token, or htpasswd")
        if settings.token is not None:
            digest = read_token(read.secret(settings.token, what), what)
            name = settings.name or "token"
            self._tokens[digest] = (*self.holders(digest), Credential(name, grant))
            return
        for username, hashed in users(settings, what, read):
            credential = Credential(settings.name or username, grant)
            self._logins[username] = (*self.logins(username), Login(hashed, credential))


def users(settings: CredentialSettings, what: str, read: SecretReader) -> Iterator[tuple[str, str]]:
    """The user names of one credential with the hashes of their passwords."""
    if settings.htpasswd is not None:
        yield from read_htpasswd(read.text(settings.htpasswd, what), settings.htpasswd).items()
    elif settings.username is not None and settings.password is not None:
        if not settings.username or ":" in settings.username:
            raise invalid(f"{what}: a user name is not empty and has no colon")
        text = read.secret(settings.password, what)
        yield settings.username, read_password(text, what, hashed=settings.password.hash is not None)


def read_password(text: str, what: str, *, hashed: bool) -> str:
    """The hash of a password; one that came in plain text is hashed here.

    Errors: INVALID_ARGUMENT naming `what`, without repeating the secret.
    """
    try:
        return check_hash(text) if hashed or looks_hashed(text) else hash_password(text)
    except DragomanError as error:
        raise invalid(f"{what}: {error.message}") from error


def read_token(text: str, what: str) -> bytes:
    """A token's digest, from `sha256:...` or from the token.

    Errors: INVALID_ARGUMENT naming `what`.
    """
    if found := TOKEN_HASH.fullmatch(text):
        return bytes.fromhex(found[1])
    if text.startswith("sha256:") or len(text) < LEAST_TOKEN:
        raise invalid(f"{what}: a token has {LEAST_TOKEN} characters or more, its hash sha256: and 64 digits")
    return token_digest(text.encode())
