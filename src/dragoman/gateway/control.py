"""Who may change what is served: this machine, known callers, or everyone if the settings say so."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from msgspec.structs import replace

from dragoman.core.control import (
    ControlRequest,
    ControlResult,
    Reload,
    ReloadSettings,
    RenewKey,
    SetLogs,
)
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.gateway.ending import Ending
from dragoman.gateway.exchange import Exchange
from dragoman.gateway.guard import Access
from dragoman.repository.manager import ModelManager
from dragoman.security.peers import is_loopback
from dragoman.security.tokens import Tokens
from dragoman.settings.limits import Limits
from dragoman.telemetry.logs import LogSwitch
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import ControlOperation

Renew = Callable[[], Awaitable[ControlResult]]  # carries out `ReloadSettings`


class Controls:
    """Carries out changes to what is served.

    `renew` None = there are no settings to read again; `tokens` None = there are no keys to renew.
    """

    def __init__(
        self,
        models: ModelManager,
        limits: Limits,
        ending: Ending,
        codecs: ThreadPoolExecutor,
        *,
        allow_remote: bool,
        renew: Renew | None,
        logs: LogSwitch | None,
        tokens: Tokens | None,
    ) -> None:
        self._models = models
        self._limits = limits
        self._ending = ending
        self._codecs = codecs
        self._allow_remote = allow_remote
        self._renew = renew
        self._logs = logs or LogSwitch()
        self._tokens = tokens

    async def control(self, operation: ControlOperation, exchange: Exchange) -> WireResponse:
        """The answer once the change is carried out, or refused."""
        try:
            wire, access = exchange.wire, exchange.access
            allow_remote = self._allow_remote or exchange.keyed or operation.keys_itself
            check_control(wire, access, allow_remote=allow_remote)
            if len(wire.body) > self._limits.offload_bytes:  # files of a model
                loop = asyncio.get_running_loop()
                request = await loop.run_in_executor(self._codecs, operation.parse, wire, self._limits)
            else:
                request = operation.parse(wire, self._limits)
            exchange.draft = request
            if access is not None:
                access.check_control(request, local=is_local(wire, allow_remote=allow_remote))
            result = await self._carry_out(request)
            if access is not None:
                result = replace(result, report=access.view(result.report, None))
            return self._ending.end(exchange, operation.encode(replace(result, request=request)))
        except Exception as caught:
            return self._ending.fail(operation, exchange, caught)

    async def _carry_out(self, request: ControlRequest) -> ControlResult:
        if isinstance(request, RenewKey):
            return await self._renew_key(request)
        if isinstance(request, SetLogs):
            return ControlResult(self._models.report, logs=self._logs.change(request))
        if not isinstance(request, ReloadSettings):
            return await self._models.control(request)
        return await (self._models.control(Reload()) if self._renew is None else self._renew())

    async def _renew_key(self, request: RenewKey) -> ControlResult:
        if self._tokens is None:
            raise DragomanError(Code.NOT_FOUND, "this server has no keys", reason=Reason.ROUTE_UNKNOWN)
        await asyncio.to_thread(self._tokens.renew, request.use, request.authorization)
        return ControlResult(self._models.report, changed=True)


def check_control(wire: WireRequest, access: Access | None, *, allow_remote: bool) -> None:
    """Let pass who may change anything at all; `access` None = a server without credentials.

    Errors: PERMISSION_DENIED naming the setting that opens control to other peers; where there are
    credentials, UNAUTHENTICATED or RESOURCE_EXHAUSTED.
    """
    if is_local(wire, allow_remote=allow_remote):
        return
    if access is None:
        raise DragomanError(
            Code.PERMISSION_DENIED,
            f"control is closed to {wire.peer or 'this peer'}: it is open to this machine, and to others "
            "only where the server's setting allow_remote_control is true",
        )
    if access.caller.name is None:
        raise access.caller.refusal()


def is_local(wire: WireRequest, *, allow_remote: bool) -> bool:
    """Whether this peer counts as being on this machine."""
    return allow_remote or is_loopback(wire.peer)
