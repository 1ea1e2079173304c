"""One way through the server for every protocol: parse -> pin -> bind -> run -> encode.

A version is pinned once, between parsing and binding, so that a request sees one version from there to its
end. An answer that is ready at once is returned as it is; only a call that waits for something (a thread, a
queue, an off-loaded parse) gives an awaitable. Both ways have the same beginning and the same end.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic, perf_counter_ns

from msgspec.structs import replace

from dragoman.core.access import Permission
from dragoman.core.context import CallContext
from dragoman.core.control import (
    ControlRequest,
    ControlResult,
    Reload,
    ReloadSettings,
    RenewKey,
    SetLogs,
)
from dragoman.core.deferred import Deferred
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import CoreRequest, ExplainRequest, PayloadRequest, Verb
from dragoman.core.responses import Chunk, CoreResponse, PayloadResponse, TensorResponse
from dragoman.core.signatures import Answers, Signature
from dragoman.execution.images.runner import PreparingRunner
from dragoman.execution.later import Later
from dragoman.execution.workers.handlers.runner import HandlerRunner
from dragoman.gateway.control import check_control, is_local
from dragoman.gateway.duplex import duplex
from dragoman.gateway.effort import bytes_to_write
from dragoman.gateway.exchange import Exchange
from dragoman.gateway.gate import Gate
from dragoman.gateway.guard import Access, Guard
from dragoman.gateway.recorder import Recorder
from dragoman.gateway.streaming import StreamCount, StreamedAnswer, only_part
from dragoman.gateway.tasks import later, timed
from dragoman.repository.handle import Begun, BegunParts, ChunkSource, Handle, Runner
from dragoman.repository.manager import ModelManager
from dragoman.security.tokens import Tokens
from dragoman.settings.limits import Limits
from dragoman.telemetry.logs import LogSwitch
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import (
    ControlOperation,
    Draft,
    InferOperation,
    MultiInferOperation,
    Operation,
    StatusOperation,
    StreamEncoder,
    StreamOperation,
    ViewOperation,
)
from dragoman.wire.percent import percent_decoded

INFER = Verb.INFER
Answering = InferOperation | MultiInferOperation | StatusOperation | ViewOperation | ControlOperation
Renew = Callable[[], Awaitable[ControlResult]]  # carries out `ReloadSettings`
MOST_SHOWN = 20  # names of models in an error
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
        self._models = models
        self._limits = limits
        self._timeout_s = limits.request_timeout_s  # 0 = none but the client's own
        self._recorder = recorder
        self._guard = guard or Guard()
        self._allow_remote_control = allow_remote_control
        self.default_model = ""  # the one that is meant where a request names none; empty = the only one
        self._renew = renew
        self._logs = logs or LogSwitch()
        self._tokens = tokens
        self._codecs = ThreadPoolExecutor(CODEC_THREADS, thread_name_prefix="codec")

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
                return self._fail(answering(operation), exchange, error)
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
                return self._fail(operation, exchange, error)
        return self._begin(operation, exchange)

    def _begin(self, operation: Operation, exchange: Exchange) -> WireResponse | Awaitable[WireResponse]:
        if type(operation) is InferOperation:
            if len(exchange.wire.body) > self._limits.offload_bytes and self._reads_long(operation, exchange):
                return self._infer_offloaded(operation, exchange)
            return self._infer(operation, exchange)
        if isinstance(operation, MultiInferOperation):
            return self._infer_parts(operation, exchange)
        if isinstance(operation, StatusOperation):
            return self._status(operation, exchange)
        if isinstance(operation, ControlOperation):
            return self._control(operation, exchange)
        if isinstance(operation, ViewOperation):
            return self._view(operation, exchange)
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

    def _infer(self, operation: InferOperation, exchange: Exchange) -> WireResponse | Awaitable[WireResponse]:
        try:
            exchange.draft = draft = operation.parse(exchange.wire, self._limits)
            handle = self._pin(exchange, draft)
            runner = handle.runner if operation.verb is INFER else handle.explainer()
            signature = handle.signature(draft.target.signature)
            if len(exchange.wire.body) > self._limits.offload_bytes and not operation.binds_at_once:
                unbound = run_unbound(operation, runner, handle, exchange, signature)
                if unbound is not None:
                    return self._awaited(operation, exchange, unbound)
            began_ns = perf_counter_ns()
            request = operation.bind(draft, signature)
            exchange.input_ns = perf_counter_ns() - began_ns
            if operation.stream is not None and (encoder := operation.stream(draft)) is not None:
                if type(request) is PayloadRequest and isinstance(runner, HandlerRunner):
                    return self._begun(operation, exchange, handle, runner.begin, request, encoder)
                stream = self._stream(exchange, handle, request, signature, encoder)
                if operation.head_at_once:
                    return self._begin_at_once(exchange, stream)
                return later(exchange, self._begin_stream(operation, exchange, stream), stream)
            answer = run(operation, runner, handle, request, signature, exchange.call)
            if isinstance(answer, TensorResponse):
                if self._writes_long(operation, exchange, answer):
                    return later(exchange, self._finish_offloaded(operation, exchange, answer), None)
                return self._answered(operation, exchange, answer)
            return self._awaited(operation, exchange, answer)
        except Exception as caught:
            return self._fail(operation, exchange, caught)

    def _awaited(
        self, operation: InferOperation, exchange: Exchange, answer: Awaitable[CoreResponse]
    ) -> Awaitable[WireResponse]:
        """The end of a call whose answer comes later."""
        if isinstance(answer, Deferred):
            return self._deferred(operation, exchange, answer)
        return later(exchange, self._finish(operation, exchange, answer), answer)

    def _pin(self, exchange: Exchange, draft: Draft) -> Handle:
        """The version that is meant, held by the exchange from now on.

        Errors: those of `ModelManager.pin`, and where the caller may not use the model.
        """
        if not draft.target.model:
            draft.target = replace(draft.target, model=self._meant(exchange))
        if exchange.access is not None:
            exchange.check(draft.target.model)
        handle = self._models.pin(draft.target)
        exchange.hold(handle)
        return handle

    def _meant(self, exchange: Exchange) -> str:
        """The model that is meant where none is named: the one that the settings name, else the only one.

        Errors: as `unnamed`; as `Access.check` where the caller may use none of them.
        """
        if self.default_model:
            return self.default_model
        report = self._models.report
        names = [model.name for model in report.models.values() if model.latest_ready is not None]
        names = names or list(report.models)
        if len(names) == 1:
            return names[0]
        access = exchange.access
        if access is not None and names:
            names = [name for name in names if access.allows(name, Permission.INFER)]
            if not names:
                raise access.caller.refusal()
        raise unnamed(names)

    def _deferred(
        self, operation: InferOperation, exchange: Exchange, answer: Deferred[CoreResponse]
    ) -> Later[WireResponse]:
        """The end of a call whose answer comes later, on this thread: no task for it."""

        def give_up() -> None:
            answer.cancel()
            exchange.abandon()

        def finish(answer: Deferred[CoreResponse]) -> None:
            try:
                found = answer.result()
                if self._writes_long(operation, exchange, found):
                    given.resolve_with(self._finish_offloaded(operation, exchange, found))
                    return
                response = self._answered(operation, exchange, found)
            except Exception as caught:
                response = self._fail(operation, exchange, caught)
            given.resolve(response)

        given: Later[WireResponse] = Later(give_up)
        answer.then(finish)
        return given

    def _begun(
        self,
        operation: InferOperation,
        exchange: Exchange,
        handle: Handle,
        begin: Callable[[Handle, PayloadRequest, CallContext], Deferred[Begun]],
        request: PayloadRequest,
        encoder: StreamEncoder,
    ) -> Later[WireResponse]:
        """A call whose answer may come in parts, but mostly is one: no task unless it is streamed."""
        exchange.call.deadline_s = self._stream_deadline_s()
        answer = begin(handle, request, exchange.call)

        def give_up() -> None:
            answer.cancel()
            exchange.abandon()

        def finish(answer: Deferred[Begun]) -> None:
            try:
                begun = answer.result()
                if begun.parts is None:
                    if self._writes_long(operation, exchange, begun.first):
                        given.resolve_with(self._finish_offloaded(operation, exchange, begun.first))
                        return
                    response = self._answered(operation, exchange, begun.first)
                else:
                    stream = self._streamed(exchange, handle, begun.parts, encoder)
                    response = self._begin_parts(exchange, stream, begun.first, begun.parts)
            except Exception as caught:
                response = self._fail(operation, exchange, caught)
            given.resolve(response)

        given: Later[WireResponse] = Later(give_up)
        answer.then(finish)
        return given

    async def _finish(
        self, operation: InferOperation, exchange: Exchange, answer: Awaitable[CoreResponse]
    ) -> WireResponse:
        try:
            found = await answer
            if self._writes_long(operation, exchange, found):
                return await self._finish_offloaded(operation, exchange, found)
            return self._answered(operation, exchange, found)
        except Exception as caught:
            return self._fail(operation, exchange, caught)

    async def _finish_offloaded(
        self, operation: InferOperation, exchange: Exchange, answer: CoreResponse
    ) -> WireResponse:
        """The end of a call whose answer takes long to write."""
        try:
            return await self._written(operation, exchange, answer)
        except Exception as caught:
            return self._fail(operation, exchange, caught)

    async def _infer_offloaded(self, operation: InferOperation, exchange: Exchange) -> WireResponse:
        """The same way with the codec's work on a thread, so that a large body does not stall the others."""
        on_thread = partial(asyncio.get_running_loop().run_in_executor, self._codecs)
        try:
            exchange.draft = draft = await on_thread(operation.parse, exchange.wire, self._limits)
            handle = self._pin(exchange, draft)
            runner = handle.runner if operation.verb is INFER else handle.explainer()
            signature = handle.signature(draft.target.signature)
            unbound = run_unbound(operation, runner, handle, exchange, signature)
            if unbound is not None:
                return await self._finish(operation, exchange, unbound)
            request, exchange.input_ns = await on_thread(timed, operation.bind, draft, signature)
            if operation.stream is not None and (encoder := operation.stream(draft)) is not None:
                stream = self._stream(exchange, handle, request, signature, encoder)
                if operation.head_at_once:
                    return self._begin_at_once(exchange, stream)
                return await self._begin_stream(operation, exchange, stream)
            answer = run(operation, runner, handle, request, signature, exchange.call)
            found = answer if isinstance(answer, TensorResponse) else await answer
            if self._writes_long(operation, exchange, found):
                return await self._written(operation, exchange, found)
            return self._answered(operation, exchange, found)
        except Exception as caught:
            return self._fail(operation, exchange, caught)
        finally:
            exchange.abandon()

    async def _infer_parts(self, operation: MultiInferOperation, exchange: Exchange) -> WireResponse:
        """Several calls of one pinned version. All parts are bound before the first runs."""
        try:
            exchange.draft = draft = operation.parse(exchange.wire, self._limits)
            handle = self._pin(exchange, draft)
            signatures = [handle.signature(part.target.signature) for part in draft.parts]
            began_ns = perf_counter_ns()
            requests = list(map(operation.bind, draft.parts, signatures))
            exchange.input_ns = perf_counter_ns() - began_ns
            responses = []
            for request, signature in zip(requests, signatures, strict=True):
                answer = handle.runner.run(handle, request, signature, exchange.call)
                responses.append(answer if isinstance(answer, TensorResponse) else await answer)
            began_ns = perf_counter_ns()
            encoded = operation.encode(draft, responses)
            ended_ns = perf_counter_ns()
            run = handle.statistics.joined(answer.run for answer in responses)
            exchange.succeed(run, ended_ns - began_ns, ended_ns)
            self._recorder.done(exchange, encoded, None, ended_ns)
            return encoded
        except Exception as caught:
            return self._fail(operation, exchange, caught)
        finally:
            exchange.abandon()

    def _stream(
        self,
        exchange: Exchange,
        handle: Handle,
        request: CoreRequest,
        signature: Signature,
        encoder: StreamEncoder,
    ) -> StreamedAnswer:
        """A streamed answer, which may take `limits.stream_s` in all. Once begun it takes the pin over."""
        exchange.call.deadline_s = self._stream_deadline_s()
        chunks = handle.runner.stream(handle, request, signature, exchange.call)
        return self._streamed(exchange, handle, chunks, encoder)

    def _stream_deadline_s(self) -> float | None:
        longest_s = self._limits.stream_s
        return monotonic() + longest_s if longest_s else None

    def _streamed(
        self, exchange: Exchange, handle: Handle, chunks: ChunkSource, encoder: StreamEncoder
    ) -> StreamedAnswer:
        count = StreamCount(handle.statistics, exchange.began_ns, exchange.input_ns)

        def finish(head: WireResponse, error: DragomanError | None) -> None:
            ended_ns = perf_counter_ns()
            count.end(error, ended_ns)
            exchange.run = count.run
            handle.release()
            self._recorder.done(exchange, head, error, ended_ns)

        as_dragoman = partial(self._recorder.as_dragoman, call=exchange.call)
        return StreamedAnswer(chunks, encoder, as_dragoman, count, finish)

    async def _begin_stream(
        self, operation: InferOperation, exchange: Exchange, stream: StreamedAnswer
    ) -> WireResponse:
        """The head of a streamed answer, whose first part is there.

        A payload that is the first part and the last is a whole answer.
        """
        try:
            first = await stream.first()
            if first is not None and first.last and (payload := first.payload) is not None:
                await stream.discard()
                payload.run, payload.version = first.run, first.version
                return self._answered(operation, exchange, payload)
            head = stream.head()
        except Exception as caught:
            return self._fail(operation, exchange, caught)
        self._recorder.tell(exchange, head)
        exchange.give_away()
        return head

    def _begin_parts(
        self, exchange: Exchange, stream: StreamedAnswer, first: PayloadResponse, parts: BegunParts
    ) -> WireResponse:
        """The head of an answer of several parts, of which the first is there."""
        try:
            head = stream.begin(Chunk(payload=first))
        except Exception:
            parts.close()
            raise
        self._recorder.tell(exchange, head)
        exchange.give_away()
        return head

    def _begin_at_once(self, exchange: Exchange, stream: StreamedAnswer) -> WireResponse:
        """The head of a streamed answer, whatever becomes of its first part."""
        head = stream.head()
        self._recorder.tell(exchange, head)
        exchange.give_away()
        return head

    def _status(self, operation: StatusOperation, exchange: Exchange) -> WireResponse:
        try:
            report = self._models.report
            if (access := exchange.access) is not None:
                report = access.view(report, operation.permission)
            return self._end(exchange, operation.answer(exchange.wire, report))
        except Exception as caught:
            return self._fail(operation, exchange, caught)

    async def _view(self, operation: ViewOperation, exchange: Exchange) -> WireResponse:
        """A view that may ask a model about itself."""
        try:
            report = self._models.report
            if (access := exchange.access) is not None:
                report = access.view(report, operation.permission)
            said: CoreResponse | None = None
            exchange.draft = question = operation.asks(exchange.wire, report)
            if question is not None:
                handle = self._pin(exchange, question)
                signature = handle.signature(question.target.signature)
                given = handle.runner.run(handle, question.request, signature, exchange.call)
                said = given if isinstance(given, TensorResponse) else await given
                ended_ns = perf_counter_ns()
                exchange.succeed(said.run, 0, ended_ns)
            return self._end(exchange, operation.answer(exchange.wire, report, said))
        except Exception as caught:
            return self._fail(operation, exchange, caught)
        finally:
            exchange.abandon()

    async def _control(self, operation: ControlOperation, exchange: Exchange) -> WireResponse:
        try:
            wire, access = exchange.wire, exchange.access
            allow_remote = self._allow_remote_control or exchange.keyed or operation.keys_itself
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
            return self._end(exchange, operation.encode(replace(result, request=request)))
        except Exception as caught:
            return self._fail(operation, exchange, caught)

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

    def _answered(self, operation: InferOperation, exchange: Exchange, answer: CoreResponse) -> WireResponse:
        """The end of a call that the model has answered."""
        encoding_ns = perf_counter_ns()
        response = operation.encode(exchange.draft, answer)
        ended_ns = perf_counter_ns()
        exchange.succeed(answer.run, ended_ns - encoding_ns, ended_ns)
        self._recorder.done(exchange, response, None, ended_ns)
        return response

    async def _written(
        self, operation: InferOperation, exchange: Exchange, answer: CoreResponse
    ) -> WireResponse:
        """The same with the answer written on a thread."""
        loop = asyncio.get_running_loop()
        writing = loop.run_in_executor(self._codecs, timed, operation.encode, exchange.draft, answer)
        response, output_ns = await writing
        ended_ns = perf_counter_ns()
        exchange.succeed(answer.run, output_ns, ended_ns)
        self._recorder.done(exchange, response, None, ended_ns)
        return response

    def _reads_long(self, operation: InferOperation, exchange: Exchange) -> bool:
        """Whether a body beyond the limit takes long to read; some are mostly tensors that stay as is."""
        reading = operation.reading
        return reading is None or reading(exchange.wire) > self._limits.offload_bytes

    def _writes_long(self, operation: InferOperation, exchange: Exchange, answer: CoreResponse) -> bool:
        """Whether an answer takes long to write. Where nobody can tell, that of a short request does not."""
        writing, limit = operation.writing, self._limits.offload_bytes
        if writing is not None:
            return writing(exchange.draft, answer) > limit
        return len(exchange.wire.body) > limit and bytes_to_write(answer) > limit

    def _end(
        self, exchange: Exchange, response: WireResponse, error: DragomanError | None = None
    ) -> WireResponse:
        ended_ns = perf_counter_ns()
        if exchange.handle is not None:
            exchange.handle.statistics.fail(ended_ns - exchange.began_ns)
        exchange.release()
        self._recorder.done(exchange, response, error, ended_ns)
        return response

    def _fail(
        self,
        operation: Answering,
        exchange: Exchange,
        caught: Exception,
    ) -> WireResponse:
        error = self._recorder.as_dragoman(caught, exchange.call)
        response = operation.fail(exchange.draft, error)
        if error.code is Code.UNAUTHENTICATED:
            self._guard.challenge(response)
        return self._end(exchange, response, error)


def answering(operation: Operation) -> Answering:
    """The operation that answers; of a stream its messages are."""
    return operation.message if isinstance(operation, StreamOperation) else operation


def unnamed(names: Sequence[str]) -> DragomanError:
    """The error for a request that names no model, with the names that the caller may use."""
    if not names:
        message = "no model is named, and there is none"
    else:
        more = ", ..." if len(names) > MOST_SHOWN else ""
        message = f"no model is named, and there are several: {', '.join(names[:MOST_SHOWN])}{more}"
    return DragomanError(Code.INVALID_ARGUMENT, message, reason=Reason.MODEL_UNKNOWN, param="model")


def run_unbound(
    operation: InferOperation, runner: Runner, handle: Handle, exchange: Exchange, signature: Signature
) -> Awaitable[CoreResponse] | None:
    """The answer to a long request where the runner lets it be bound on a thread of its own, else None."""
    if operation.stream is not None or not isinstance(runner, PreparingRunner):
        return None
    if operation.one_part and signature.answers is Answers.PARTS:
        return None
    draft = exchange.draft

    def bind() -> CoreRequest:
        request, exchange.input_ns = timed(operation.bind, draft, signature)
        return request

    return runner.run_unbound(handle, bind, signature, exchange.call)


def run(
    operation: InferOperation,
    runner: Runner,
    handle: Handle,
    request: CoreRequest,
    signature: Signature,
    call: CallContext,
) -> TensorResponse | Awaitable[CoreResponse]:
    """The whole answer."""
    if type(request) is ExplainRequest:  # which may be what a caller of `infer` wants besides
        runner = handle.explainer()
    if operation.one_part and signature.answers is Answers.PARTS:
        return only_part(runner.stream(handle, request, signature, call))
    return runner.run(handle, request, signature, call)
