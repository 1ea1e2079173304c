"""Settings of who may do what."""

from typing import Annotated

from msgspec import Meta, Struct

from dragoman.core.access import Permission

Count = Annotated[int, Meta(ge=1)]
Rate = Annotated[float, Meta(gt=0)]

EVERYTHING = (Permission.INFER, Permission.STATUS, Permission.CONTROL, Permission.METRICS)


class SecretSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A password or token, as exactly one of a hash, a file and an environment variable. Never printed."""

    hash: str | None = None  # password: argon2id or bcrypt; token: sha256: and 64 hexadecimal digits
    file: str | None = None  # holds the secret, or such a hash, in its first line
    env: str | None = None  # a variable that holds the secret, or such a hash

    def __repr__(self) -> str:
        shown = "hash='...'" if self.hash is not None else f"file={self.file!r}, env={self.env!r}"
        return f"SecretSettings({shown})"


class CredentialSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who a caller can prove to be: by user name and password, by token, or as a user of an htpasswd file."""

    name: str | None = None  # what logs call the caller; None = the user name
    username: str | None = None  # HTTP Basic, together with `password`
    password: SecretSettings | None = None
    token: SecretSettings | None = None  # Authorization: Bearer, or X-API-Key
    htpasswd: str | None = None  # a file whose entries are bcrypt or argon2 hashes
    allow: tuple[Permission, ...] = (Permission.INFER, Permission.STATUS)  # infer, status, control, metrics
    models: tuple[str, ...] = ()  # what that is allowed on; empty = every model. A deployment's: its own


class AttemptLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many passwords may be tried that then prove wrong. Right ones cost nothing of it."""

    peer_burst: Count = 20  # of one address at once
    peer_per_s: Rate = 0.5  # regained by one address
    burst: Count = 100  # of all addresses at once
    per_s: Rate = 10.0  # regained by all; each costs about 20 ms of one core
    waiting: Count = 256  # passwords that may wait to be verified
    peers: Count = 10_000  # addresses that are remembered


class AccessSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may do what, besides the deployments' own credentials. Health and readiness are open to all."""

    credentials: tuple[CredentialSettings, ...] = ()  # valid on the whole server
    anonymous: tuple[Permission, ...] = EVERYTHING  # without credentials; control is for this machine alone
    realm: str = "dragoman"  # what browsers show when they ask for a password
    cached_logins: Count = 10_000  # logins whose outcome is remembered
    cache_s: Rate = 300.0  # how long, after they were last used
    attempts: AttemptLimits = AttemptLimits()
