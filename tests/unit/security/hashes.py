"""Hashes of known passwords that are quick to verify, and policies made of them."""

from collections.abc import Sequence

from dragoman.core.access import Permission
from dragoman.security.policy import Policy, make_policy
from dragoman.security.secret_files import SecretReader
from dragoman.settings.access import AccessSettings, CredentialSettings, SecretSettings
from dragoman.settings.deployment import Deployment

FANATIC = "$2b$04$j9vsjMRXTlZ3CqASJ/BKG.U14Zu9qbt7vAzJWY89kd5SmYpH4WLCW"
OTHER = "$2b$04$K4vAMKDZzI9ioSFUyS/i7.QAjr9kGc3GIZD1y5CHLPALJaqRVyoX6"
TOKEN = "a-token-of-some-length"


def user(username: str = "pineapple", hashed: str = FANATIC, **more: object) -> CredentialSettings:
    """A user whose password is fanatic."""
    return CredentialSettings(username=username, password=SecretSettings(hash=hashed), **more)


def deployed(name: str, model: str, *credentials: CredentialSettings, **more: object) -> Deployment:
    """A deployment."""
    return Deployment(name=name, model=model, credentials=credentials, **more)


def policy(
    *deployments: Deployment,
    credentials: Sequence[CredentialSettings] = (),
    anonymous: Sequence[Permission] = tuple(Permission),
) -> Policy:
    """What a server with these would go by."""
    settings = AccessSettings(credentials=tuple(credentials), anonymous=tuple(anonymous))
    return make_policy(settings, deployments, SecretReader({"TOKEN": TOKEN}))
