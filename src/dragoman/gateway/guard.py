"""Who may pass: the gateway's side of security.

Where everyone may do everything a request costs one look at `guarded`. Else a caller is identified before
anything is parsed, and judged when it is known which model it means.
"""

from collections.abc import Awaitable, Collection, Iterator, Mapping
from typing import Final

from msgspec import Struct

from dragoman.core.access import Permission
from dragoman.core.control import ControlRequest
from dragoman.core.status import ModelStatus, StatusReport
from dragoman.security.authenticator import Authenticator
from dragoman.security.policy import OPEN, Caller, Policy
from dragoman.settings.access import AccessSettings
from dragoman.wire.messages import WireRequest, WireResponse

CHALLENGE: Final = b"WWW-Authenticate"


class Access(Struct):
    """What one request may do: its caller, and the way it came by."""

    policy: Policy
    caller: Caller
    deployment: str  # whose mount led here; empty = none
    opened: Collection[str]  # models that the listener serves to everyone

    def allows(self, model: str | None, permission: Permission) -> bool:
        """Whether this may be done with a model; None = with the whole repository."""
        return model in self.opened or self.policy.allows(self.caller, model, permission, self.deployment)

    def check(self, model: str | None, permission: Permission) -> None:
        """Let it pass.

        Errors: UNAUTHENTICATED, PERMISSION_DENIED or RESOURCE_EXHAUSTED.
        """
        if not self.allows(model, permission):
            raise self.caller.refusal()

    def check_control(self, request: ControlRequest, *, local: bool) -> None:
        """Let a change of the repository pass. What strangers may change they may from this machine only.

        A request that is not about one model is about all of them, and so is one about a model's parts.
        Errors: as `check`.
        """
        model: str | None = None if getattr(request, "parts", False) else getattr(request, "model", None)
        if local:
            self.check(model, Permission.CONTROL)
        elif not self.policy.grants(self.caller, model, Permission.CONTROL, self.deployment):
            raise self.caller.refusal()

    def view(self, report: StatusReport, permission: Permission | None) -> StatusReport:
        """The report as this caller may see it; `permission` None = some of it may be seen by everyone.

        Errors: as `check`, where the caller may see nothing at all.
        """
        if (
            permission is not None
            and not self.policy.allows_some(self.caller, permission)
            and not self.opened
        ):
            raise self.caller.refusal()
        models = VisibleModels(self, permission or Permission.STATUS, report.models)
        return VisibleReport(models=models, whole=report)


class VisibleModels(Mapping[str, ModelStatus]):
    """The models that a caller may see. One that it may not see is not listed; asking for it is refused."""

    def __init__(self, access: Access, permission: Permission, models: Mapping[str, ModelStatus]) -> None:
        self._access = access
        self._permission = permission
        self._models = models

    def __getitem__(self, name: str) -> ModelStatus:
        """The model.

        Errors: as `Access.check`, also where a closed model is not there.
        """
        self._access.check(name, self._permission)
        return self._models[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._models if self._access.allows(name, self._permission))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class VisibleReport(StatusReport, frozen=True):
    """A report without what the caller may not see. The server is as ready and healthy as for everyone."""

    whole: StatusReport = StatusReport()

    @property
    def ready(self) -> bool:
        """Whether the server is ready."""
        return self.whole.ready

    @property
    def healthy(self) -> bool:
        """Whether every model is healthy."""
        return self.whole.healthy


class Guard:
    """Identifies callers. Used on the event loop's thread only."""

    def __init__(self, policy: Policy = OPEN, settings: AccessSettings | None = None) -> None:
        self._policy = policy
        self._authenticator = Authenticator(policy, settings or AccessSettings())
        self.guarded = policy.guarded

    def adopt(self, policy: Policy) -> None:
        """Go by this policy from now on."""
        self._policy = policy
        self.guarded = policy.guarded
        self._authenticator.adopt(policy)

    def admit(self, wire: WireRequest, opened: Collection[str]) -> Access | Awaitable[Access]:
        """What this request may do. `opened` = the models that its listener serves to everyone."""
        caller = self._authenticator.identify(wire.headers, wire.peer)
        if isinstance(caller, Caller):
            return Access(self._policy, caller, wire.deployment, opened)
        return self._admit_later(caller, wire, opened)

    async def _admit_later(
        self, identified: Awaitable[Caller], wire: WireRequest, opened: Collection[str]
    ) -> Access:
        caller = await identified
        return Access(self._policy, caller, wire.deployment, opened)

    def challenge(self, response: WireResponse) -> None:
        """Tell a caller how to prove who it is."""
        response.headers.extend((CHALLENGE, value) for value in self._policy.challenges)

    def close(self) -> None:
        """Stop verifying."""
        self._authenticator.close()
