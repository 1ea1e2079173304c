"""Who may do what, compiled from the settings and the deployments.

A model that has a deployment with credentials is closed: on every path and protocol it answers only callers
with a credential that covers it. Other models do for everyone what `anonymous` lists.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from dragoman.core.access import Permission
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.names import check_model_name
from dragoman.security.keyring import Credential, Grant, Keyring
from dragoman.security.secret_files import SecretReader
from dragoman.settings.access import AccessSettings
from dragoman.settings.deployment import Deployment

EVERYTHING: Final = frozenset(Permission)


class Caller(Struct, frozen=True):
    """Who calls: nobody known (`name` None) or the holder of these grants.

    `code`, `message` and `retry_after_s` are the answer where that is not enough.
    """

    name: str | None
    grants: tuple[Grant, ...]
    code: Code
    message: str
    retry_after_s: int | None = None

    def refusal(self) -> DragomanError:
        """The error for a caller that may not do what it asks for."""
        return DragomanError(self.code, self.message, retry_after_s=self.retry_after_s)


def stranger(message: str) -> Caller:
    """A caller that has not proved who it is."""
    return Caller(None, (), Code.UNAUTHENTICATED, message)


def known(credentials: Sequence[Credential]) -> Caller:
    """A caller that holds these credentials, at least one."""
    name = credentials[0].name
    grants = tuple(credential.grant for credential in credentials)
    return Caller(name, grants, Code.PERMISSION_DENIED, f"{name} is not allowed to do this")


class Policy(Struct, frozen=True):
    """One state of the settings. `deployments` holds each by its name and, where that is free, by its id."""

    keyring: Keyring
    anonymous: frozenset[Permission] = EVERYTHING
    closed: frozenset[str] = frozenset()  # models
    locked: frozenset[str] = frozenset()  # deployments with credentials
    opened: frozenset[str] = frozenset()  # deployments that serve everyone
    deployments: Mapping[str, Deployment] = {}
    challenges: tuple[bytes, ...] = ()  # values of WWW-Authenticate

    @property
    def guarded(self) -> bool:
        """Whether it matters who calls."""
        return bool(self.closed) or self.anonymous != EVERYTHING or bool(self.challenges)

    def allows(self, caller: Caller, model: str | None, permission: Permission, deployment: str) -> bool:
        """Whether the caller may do this with a model, reached through a deployment's mount or else ("").

        `model` None = with the whole repository.
        """
        closed = bool(self.closed) if model is None else model in self.closed
        if permission in self.anonymous and (not closed or self._opens(deployment, model)):
            return True
        return self.grants(caller, model, permission, deployment)

    def grants(self, caller: Caller, model: str | None, permission: Permission, deployment: str) -> bool:
        """Whether one of the caller's own credentials allows this."""
        door = deployment if deployment in self.locked else ""
        return any(grant.covers(model, permission, door) for grant in caller.grants)

    def _opens(self, deployment: str, model: str | None) -> bool:
        return deployment in self.opened and self.deployments[deployment].model == model

    def allows_some(self, caller: Caller, permission: Permission) -> bool:
        """Whether there may be anything that the caller may do this with."""
        return permission in self.anonymous or any(permission in grant.permissions for grant in caller.grants)


OPEN: Final = Policy(Keyring())


def make_policy(settings: AccessSettings, deployments: Sequence[Deployment], read: SecretReader) -> Policy:
    """The policy that the settings ask for.

    Errors: INVALID_ARGUMENT, NOT_FOUND or PERMISSION_DENIED naming deployment, credential or file.
    """
    keyring = Keyring()
    for credential in settings.credentials:
        grant = Grant(frozenset(credential.allow), frozenset(credential.models))
        keyring.add(credential, grant, "", read)
    for deployment in deployments:
        add_deployment(keyring, deployment, read)
    locked = frozenset(deployment.name for deployment in deployments if deployment.credentials)
    return Policy(
        keyring=keyring,
        anonymous=frozenset(settings.anonymous),
        closed=frozenset(deployment.model for deployment in deployments if deployment.credentials),
        locked=locked,
        opened=frozenset(deployment.name for deployment in deployments if deployment.open),
        deployments=by_name(deployments),
        challenges=tuple(challenges(keyring, settings.realm)),
    )


def add_deployment(keyring: Keyring, deployment: Deployment, read: SecretReader) -> None:
    """Add the credentials of one deployment.

    Errors: as `make_policy`.
    """
    where = f"deployment {deployment.name!r}: "
    for name in (deployment.name, deployment.model):
        check_model_name(name)
    if deployment.open and deployment.credentials:
        raise invalid(f"{where}one that has credentials cannot be open")
    for credential in deployment.credentials:
        if credential.models:
            raise invalid(f"{where}its credentials are for its own model: leave models out")
        grant = Grant(frozenset(credential.allow), frozenset((deployment.model,)), deployment.name)
        keyring.add(credential, grant, where, read)


def by_name(deployments: Sequence[Deployment]) -> Mapping[str, Deployment]:
    """Every deployment by its name and by its id.

    Errors: INVALID_ARGUMENT for a name or id that two have.
    """
    found: dict[str, Deployment] = {}
    for deployment in deployments:
        for name in {deployment.name, deployment.id} - {""}:
            if name in found:
                raise invalid(f"two deployments are called {name!r}")
            found[name] = deployment
    return found


def challenges(keyring: Keyring, realm: str) -> list[bytes]:
    """What a 401 asks for.

    Errors: INVALID_ARGUMENT for a realm that no header can hold.
    """
    if not realm.isascii() or not realm.isprintable() or '"' in realm or "\\" in realm:
        raise invalid(f'access.realm: {realm!r} must be printable ASCII without " and \\')
    text = realm.encode()
    # Basic is last, because that is what a client sees that keeps one header of a name.
    ways = [(keyring.tokens, b'Bearer realm="%b"'), (keyring.passwords, b'Basic realm="%b", charset="UTF-8"')]
    return [way % text for there, way in ways if there]
