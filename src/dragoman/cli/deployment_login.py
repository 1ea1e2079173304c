"""Flags that say who may call a deployment."""

import getpass
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from cyclopts import Parameter
from msgspec.structs import replace

from dragoman.cli.failure import Exit, FailureError
from dragoman.core.errors import DragomanError
from dragoman.security.keyring import read_token
from dragoman.security.passwords import hash_password
from dragoman.settings.access import CredentialSettings, SecretSettings

STANDARD_INPUT: Final = "-"
HOLDER: Final = "token"  # what logs call who has one


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LoginFlags:
    """Who may call the deployment. Only hashes of the password and the token are kept."""

    auth_username: Annotated[str | None, Parameter(name=("--auth-username", "--authUsername"))] = None
    """The user name of HTTP Basic authentication. The password is asked for, unless a flag gives it."""

    auth_password_file: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None
    """The file whose first line is the password; - is standard input."""

    auth_password: Annotated[
        str | None, Parameter(name=("--auth-password", "--authPassword"), allow_leading_hyphen=True)
    ] = None
    """The password itself. Other users of this machine can see it while the command runs: prefer a file."""

    auth_token_file: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None
    """The file whose first line is a token that may be used as well, or instead; - is standard input."""

    def credentials(self, old: Sequence[CredentialSettings]) -> tuple[CredentialSettings, ...]:
        """The deployment's credentials from now on: the old ones, where no flag is given."""
        if self == NO_LOGIN:
            return tuple(old)
        tokens = [credential for credential in old if credential.token is not None]
        others = [credential for credential in old if credential.token is None]
        if self.auth_token_file is not None:
            tokens = [CredentialSettings(name=HOLDER, token=hashed_token(self.auth_token_file))]
        if self != LoginFlags(auth_token_file=self.auth_token_file):
            others = [self._login(others)]
        return (*others, *tokens)

    def _login(self, old: Sequence[CredentialSettings]) -> CredentialSettings:
        """User name and password, of which one may be as it was."""
        only = old[0] if len(old) == 1 else CredentialSettings()
        username = self.auth_username or only.username
        if not username:
            raise FailureError("a password needs its --auth-username", Exit.USAGE)
        try:
            hashed = hash_password(self._password(username))
        except DragomanError as error:
            raise FailureError(error.message, Exit.USAGE) from error
        password = SecretSettings(hash=hashed)
        return replace(only, username=username, password=password, htpasswd=None)

    def _password(self, username: str) -> str:
        if self.auth_password is not None and self.auth_password_file is not None:
            raise FailureError("give --auth-password-file or --auth-password, not both", Exit.USAGE)
        if self.auth_password is not None:
            return self.auth_password
        if self.auth_password_file is not None:
            return read_first_line(self.auth_password_file)
        if not sys.stdin.isatty():
            raise FailureError(
                "give the password with --auth-password-file FILE, or - for standard input", Exit.USAGE
            )
        password = getpass.getpass(f"password of {username}: ")
        if getpass.getpass("the same again: ") != password:
            raise FailureError("these were two different passwords")
        return password


NO_LOGIN: Final = LoginFlags()


def hashed_token(file: str) -> SecretSettings:
    """The hash of the token in a file's first line."""
    try:
        digest = read_token(read_first_line(file), file)
    except DragomanError as error:
        raise FailureError(error.message, Exit.USAGE) from error
    return SecretSettings(hash=f"sha256:{digest.hex()}")


def read_first_line(file: str) -> str:
    """The first line of a file, or of standard input."""
    try:
        if file == STANDARD_INPUT:
            return sys.stdin.readline().rstrip("\r\n")
        with open(file, encoding="utf-8") as opened:
            return opened.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FailureError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from error
