"""One way through the server for every protocol: parse -> pin -> bind -> run -> encode.

A version is pinned once, between parsing and binding, so that a request sees one version from there to its
end. Here is the beginning that all calls have; each kind of operation has a module for the rest, and all end
in `Ending`.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic, perf_counter_ns

from dragoman.core.context import CallContext
from dragoman.core.errors import DragomanError
from dragoman.gateway.control import Controls, Renew
from dragoman.gateway.duplex import duplex
from dragoman.gateway.ending import Answering, Ending
from dragoman.gateway.exchange import Exchange
from dragoman.gateway.gate import Gate
from dragoman.gateway.guard import Access, Guard
from dragoman.gateway.inference import Inference
from dragoman.gateway.pinning import Pinning
from dragoman.gateway.recorder import Recorder
from dragoman.gateway.tasks import later
from dragoman.gateway.views import Views
from dragoman.repository.manager import ModelManager
from dragoman.security.tokens import Tokens
from dragoman.settings.limits import Limits
from dragoman.telemetry.logs import LogSwitch
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import (
    ControlOperation,
    InferOperation,
    MultiInferOperation,
    Operation,
    StatusOperation,
    StreamOperation,
    ViewOperation,
)
from dragoman.wire.percent import percent_decoded

CODEC_THREADS = 2  # for what takes long to read or write; both hold the GIL, so more would not be faster


class Gateway:
    """Answers operations. Used on the event loop's thread only."""

    def __init__(
        self,
        models: ModelManager,
        limits: Limits,
        recorder: Recorder,
        guard: Guard | None = None,
        *,
        allow_remote_control: bool = False,
        renew: Renew | None = None,
        logs: LogSwitch | None = None,
        tokens: Tokens | None = None,
    ) -> None:
        self._timeout_s = limits.request_timeout_s  # 0 = none but the client's own
        self._offload_bytes = limits.offload_bytes
        self._recorder = recorder
        self._guard = guard or Guard()
        self._codecs = codecs = ThreadPoolExecutor(CODEC_THREADS, thread_name_prefix="codec")
        self._ending = ending = Ending(recorder, self._guard, limits, codecs)
        self._pinning = pinning = Pinning(models)
        self._inference = Inference(limits, pinning, ending, codecs)
        self._views = Views(models, pinning, ending)
        self._controls = Controls(
            models,
            limits,
            ending,
            codecs,
            allow_remote=allow_remote_control,
            renew=renew,
            logs=logs,
            tokens=tokens,
        )

    def set_default_model(self, name: str) -> None:
        """The model that is meant where a request names none; empty = the only one."""
        self._pinning.default_model = name

    def call(
        self,
        operation: Operation,
        wire: WireRequest,
        opened: Collection[str] = (),
        *,
        own_ids: bool = False,
        gate: Gate | None = None,
    ) -> WireResponse | Awaitable[WireResponse]:
        """The answer to a request, or something to await for it, often a `Deferred`. Errors are answers.

        `opened` = models that the listener serves to everyone although a deployment closes them. `own_ids`:
        every answer tells the request's id, which is none of the client's. `gate` = what a listener with keys
        of its own asks of each request.
        """
        began_ns = perf_counter_ns()
        deadline_s = wire.deadline_s
        if self._timeout_s:
            latest_s = monotonic() + self._timeout_s
            deadline_s = latest_s if deadline_s is None or deadline_s > latest_s else deadline_s
        recorder = self._recorder
        request_id, tells_id = (recorder.new_id(), True) if own_ids else recorder.request_id(wire)
        if type(operation) is InferOperation and operation.tells_id:
            tells_id = True
        call = CallContext(request_id, deadline_s, peer=wire.peer)
        exchange = Exchange(operation, wire, call, began_ns, tells_id)
        if gate is not None:
            try:
                exchange.keyed = gate.admit(operation, wire)
            except DragomanError as error:
                return self._ending.fail(answering(operation), exchange, error)
        if self._guard.guarded:
            return self._admit(operation, exchange, opened)
        return self._begin(operation, exchange)

    def _admit(
        self, operation: Operation, exchange: Exchange, opened: Collection[str]
    ) -> WireResponse | Awaitable[WireResponse]:
        access = self._guard.admit(exchange.wire, opened)
        if isinstance(access, Access):
            return self._admitted(operation, exchange, access)
        return later(exchange, self._admit_later(operation, exchange, access), access)

    async def _admit_later(
        self, operation: Operation, exchange: Exchange, access: Awaitable[Access]
    ) -> WireResponse:
        answer = self._admitted(operation, exchange, await access)
        return answer if isinstance(answer, WireResponse) else await answer

    def _admitted(
        self, operation: Operation, exchange: Exchange, access: Access
    ) -> WireResponse | Awaitable[WireResponse]:
        """Go on with what the caller may do. A model in the path is judged before the body is parsed."""
        exchange.access = access
        exchange.call.principal = access.caller.name
        named = exchange.wire.params.get("model")
        if named is not None and isinstance(operation, InferOperation | MultiInferOperation):
            try:
                exchange.check(percent_decoded(named))
            except DragomanError as error:
                return self._ending.fail(operation, exchange, error)
        return self._begin(operation, exchange)

    def _begin(self, operation: Operation, exchange: Exchange) -> WireResponse | Awaitable[WireResponse]:
        if type(operation) is InferOperation:
            inference = self._inference
            if len(exchange.wire.body) > self._offload_bytes and inference.reads_long(operation, exchange):
                return inference.infer_offloaded(operation, exchange)
            return inference.infer(operation, exchange)
        if isinstance(operation, MultiInferOperation):
            return self._inference.infer_parts(operation, exchange)
        if isinstance(operation, StatusOperation):
            return self._views.status(operation, exchange)
        if isinstance(operation, ControlOperation):
            return self._controls.control(operation, exchange)
        if isinstance(operation, ViewOperation):
            return self._views.view(operation, exchange)
        raise TypeError(f"{operation.name} is a duplex stream: its messages are called one by one")

    def stream(
        self,
        operation: StreamOperation,
        messages: AsyncIterator[WireRequest],
        opened: Collection[str] = (),
        gate: Gate | None = None,
    ) -> AsyncGenerator[WireResponse, None]:
        """The answers to a duplex stream of messages. `opened` and `gate` are as for `call`."""
        return duplex(operation, messages, partial(self.call, operation.message, opened=opened, gate=gate))

    def close(self) -> None:
        """Stop the threads."""
        self._codecs.shutdown(wait=False)
        self._guard.close()


def answering(operation: Operation) -> Answering:
    """The operation that answers; of a stream its messages are."""
    return operation.message if isinstance(operation, StreamOperation) else operation
