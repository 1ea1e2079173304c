"""Calls of a model: parse -> pin -> bind -> run -> encode.

An answer that is ready at once is returned as it is; only a call that waits for something (a thread, a queue,
an off-loaded parse) gives an awaitable. Both ways have the same beginning and the same end.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import perf_counter_ns

from dragoman.core.context import CallContext
from dragoman.core.deferred import Deferred
from dragoman.core.requests import CoreRequest, ExplainRequest, PayloadRequest, Verb
from dragoman.core.responses import CoreResponse, TensorResponse
from dragoman.core.signatures import Answers, Signature
from dragoman.execution.images.runner import PreparingRunner
from dragoman.execution.later import Later
from dragoman.execution.workers.handlers.runner import HandlerRunner
from dragoman.gateway.collector import uncollected
from dragoman.gateway.ending import Ending
from dragoman.gateway.exchange import Exchange
from dragoman.gateway.pinning import Pinning
from dragoman.gateway.streaming import only_part
from dragoman.gateway.streams import Streams
from dragoman.gateway.tasks import later, timed
from dragoman.repository.handle import Begun, Handle, Runner
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireResponse
from dragoman.wire.operation import InferOperation, MultiInferOperation, StreamEncoder

INFER = Verb.INFER


class Inference:
    """Calls models. `codecs` = the threads on which long bodies are read."""

    def __init__(self, limits: Limits, pinning: Pinning, ending: Ending, codecs: ThreadPoolExecutor) -> None:
        self._limits = limits
        self._pinning = pinning
        self._ending = ending
        self._streams = Streams(limits, ending)
        self._codecs = codecs

    def infer(self, operation: InferOperation, exchange: Exchange) -> WireResponse | Awaitable[WireResponse]:
        """The answer, at once where nothing has to be waited for."""
        try:
            exchange.draft = draft = operation.parse(exchange.wire, self._limits)
            handle = self._pinning.pin(exchange, draft)
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
                stream = self._streams.stream(exchange, handle, request, signature, encoder)
                if operation.head_at_once:
                    return self._streams.begin_at_once(exchange, stream)
                return later(exchange, self._streams.begin(operation, exchange, stream), stream)
            answer = run(operation, runner, handle, request, signature, exchange.call)
            if isinstance(answer, TensorResponse):
                if self._ending.writes_long(operation, exchange, answer):
                    return later(exchange, self._finish_offloaded(operation, exchange, answer), None)
                return self._ending.answered(operation, exchange, answer)
            return self._awaited(operation, exchange, answer)
        except Exception as caught:
            return self._ending.fail(operation, exchange, caught)

    async def infer_offloaded(self, operation: InferOperation, exchange: Exchange) -> WireResponse:
        """The same way with the codec's work on a thread, so that a large body does not stall the others."""
        on_thread = partial(asyncio.get_running_loop().run_in_executor, self._codecs)
        try:
            exchange.draft = draft = await on_thread(
                uncollected, operation.parse, exchange.wire, self._limits
            )
            handle = self._pinning.pin(exchange, draft)
            runner = handle.runner if operation.verb is INFER else handle.explainer()
            signature = handle.signature(draft.target.signature)
            unbound = run_unbound(operation, runner, handle, exchange, signature)
            if unbound is not None:
                return await self._finish(operation, exchange, unbound)
            request, exchange.input_ns = await on_thread(timed, operation.bind, draft, signature)
            if operation.stream is not None and (encoder := operation.stream(draft)) is not None:
                stream = self._streams.stream(exchange, handle, request, signature, encoder)
                if operation.head_at_once:
                    return self._streams.begin_at_once(exchange, stream)
                return await self._streams.begin(operation, exchange, stream)
            answer = run(operation, runner, handle, request, signature, exchange.call)
            found = answer if isinstance(answer, TensorResponse) else await answer
            if self._ending.writes_long(operation, exchange, found):
                return await self._ending.written(operation, exchange, found)
            return self._ending.answered(operation, exchange, found)
        except Exception as caught:
            return self._ending.fail(operation, exchange, caught)
        finally:
            exchange.abandon()

    async def infer_parts(self, operation: MultiInferOperation, exchange: Exchange) -> WireResponse:
        """Several calls of one pinned version. All parts are bound before the first runs."""
        try:
            exchange.draft = draft = operation.parse(exchange.wire, self._limits)
            handle = self._pinning.pin(exchange, draft)
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
            self._ending.recorder.done(exchange, encoded, None, ended_ns)
            return encoded
        except Exception as caught:
            return self._ending.fail(operation, exchange, caught)
        finally:
            exchange.abandon()

    def reads_long(self, operation: InferOperation, exchange: Exchange) -> bool:
        """Whether a body beyond the limit takes long to read; some are mostly tensors that stay as is."""
        reading = operation.reading
        return reading is None or reading(exchange.wire) > self._limits.offload_bytes

    def _awaited(
        self, operation: InferOperation, exchange: Exchange, answer: Awaitable[CoreResponse]
    ) -> Awaitable[WireResponse]:
        """The end of a call whose answer comes later."""
        if isinstance(answer, Deferred):
            return self._deferred(operation, exchange, answer)
        return later(exchange, self._finish(operation, exchange, answer), answer)

    def _deferred(
        self, operation: InferOperation, exchange: Exchange, answer: Deferred[CoreResponse]
    ) -> Later[WireResponse]:
        """The end of a call whose answer comes later, on this thread: no task for it."""

        def give_up() -> None:
            answer.cancel()
            exchange.abandon()

        # In quotes: what stands there would be made anew at each call.
        def finish(answer: "Deferred[CoreResponse]") -> None:
            try:
                found = answer.result()
                if self._ending.writes_long(operation, exchange, found):
                    given.resolve_with(self._finish_offloaded(operation, exchange, found))
                    return
                response = self._ending.answered(operation, exchange, found)
            except Exception as caught:
                response = self._ending.fail(operation, exchange, caught)
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
        exchange.call.deadline_s = self._streams.deadline_s()
        answer = begin(handle, request, exchange.call)

        def give_up() -> None:
            answer.cancel()
            exchange.abandon()

        # In quotes, as above.
        def finish(answer: "Deferred[Begun]") -> None:
            try:
                begun = answer.result()
                if begun.parts is None:
                    if self._ending.writes_long(operation, exchange, begun.first):
                        given.resolve_with(self._finish_offloaded(operation, exchange, begun.first))
                        return
                    response = self._ending.answered(operation, exchange, begun.first)
                else:
                    stream = self._streams.streamed(exchange, handle, begun.parts, encoder)
                    response = self._streams.begin_parts(exchange, stream, begun.first, begun.parts)
            except Exception as caught:
                response = self._ending.fail(operation, exchange, caught)
            given.resolve(response)

        given: Later[WireResponse] = Later(give_up)
        answer.then(finish)
        return given

    async def _finish(
        self, operation: InferOperation, exchange: Exchange, answer: Awaitable[CoreResponse]
    ) -> WireResponse:
        try:
            found = await answer
            if self._ending.writes_long(operation, exchange, found):
                return await self._finish_offloaded(operation, exchange, found)
            return self._ending.answered(operation, exchange, found)
        except Exception as caught:
            return self._ending.fail(operation, exchange, caught)

    async def _finish_offloaded(
        self, operation: InferOperation, exchange: Exchange, answer: CoreResponse
    ) -> WireResponse:
        """The end of a call whose answer takes long to write."""
        try:
            return await self._ending.written(operation, exchange, answer)
        except Exception as caught:
            return self._ending.fail(operation, exchange, caught)


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
