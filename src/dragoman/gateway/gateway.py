"""One way through the server for every protocol: parse -> pin -> bind -> run -> encode.

A version is pinned once, between parsing and binding, so that a request sees one version from there to its
end. An answer that is ready at once is returned as it is; only a call that waits for something (a thread, a
queue, an off-loaded parse) gives an awaitable. Both ways have the same beginning and the same end.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic, perf_counter_ns
from typing import Any

from dragoman.core.context import CallContext
from dragoman.core.deferred import Deferred
from dragoman.core.errors import DragomanError
from dragoman.core.requests import CoreRequest
from dragoman.core.responses import Chunk, CoreResponse, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.execution.later import Later
from dragoman.gateway.control import check_control
from dragoman.gateway.exchange import Exchange
from dragoman.gateway.recorder import Recorder
from dragoman.gateway.streaming import StreamedAnswer, duplex
from dragoman.repository.handle import Handle
from dragoman.repository.manager import ModelManager
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import (
    ControlOperation,
    InferOperation,
    MultiInferOperation,
    Operation,
    StatusOperation,
    StreamEncoder,
    StreamOperation,
)

CODEC_THREADS = 2  # for bodies above limits.offload_bytes; parsing holds the GIL, so more would not be faster


class Gateway:
    """Answers operations. Used on the event loop's thread only."""

    def __init__(
        self, models: ModelManager, limits: Limits, recorder: Recorder, *, allow_remote_control: bool = False
    ) -> None:
        self._models = models
        self._limits = limits
        self._recorder = recorder
        self._allow_remote_control = allow_remote_control
        self._codecs = ThreadPoolExecutor(CODEC_THREADS, thread_name_prefix="codec")

    def call(self, operation: Operation, wire: WireRequest) -> WireResponse | Awaitable[WireResponse]:
        """The answer to a request, or something to await for it, often a `Deferred`. Errors are answers."""
        began_ns = perf_counter_ns()
        deadline_s = monotonic() + self._limits.request_timeout_s
        if wire.deadline_s is not None and wire.deadline_s < deadline_s:
            deadline_s = wire.deadline_s
        call = CallContext(self._recorder.request_id(wire), deadline_s)
        exchange = Exchange(operation, wire, call, began_ns)
        if type(operation) is InferOperation:
            if len(wire.body) > self._limits.offload_bytes:
                return self._infer_offloaded(operation, exchange)
            return self._infer(operation, exchange)
        if isinstance(operation, MultiInferOperation):
            return self._infer_parts(operation, exchange)
        if isinstance(operation, StatusOperation):
            return self._status(operation, exchange)
        if isinstance(operation, ControlOperation):
            return self._control(operation, exchange)
        raise TypeError(f"{operation.name} is a duplex stream: its messages are called one by one")

    def stream(
        self, operation: StreamOperation, messages: AsyncIterator[WireRequest]
    ) -> AsyncGenerator[WireResponse, None]:
        """The answers to a duplex stream of messages."""
        return duplex(operation, messages, partial(self.call, operation.message))

    def close(self) -> None:
        """Stop the codecs' threads."""
        self._codecs.shutdown(wait=False)

    def _infer(self, operation: InferOperation, exchange: Exchange) -> WireResponse | Awaitable[WireResponse]:
        try:
            exchange.draft = draft = operation.parse(exchange.wire, self._limits)
            handle = self._models.pin(draft.target)
            exchange.hold(handle)
            signature = handle.signature(draft.target.signature)
            request = operation.bind(draft, signature)
            if operation.stream is not None and (encoder := operation.stream(draft)) is not None:
                chunks = self._chunks(exchange, handle, request, signature)
                begin = self._begin_stream(operation, exchange, handle, chunks, encoder)
                return later(exchange, begin, chunks)
            answer = handle.runner.run(handle, request, signature, exchange.call)
            if isinstance(answer, TensorResponse):
                return self._end(exchange, operation.encode(draft, answer))
            if isinstance(answer, Deferred):
                return self._deferred(operation, exchange, answer)
            return later(exchange, self._finish(operation, exchange, answer), answer)
        except Exception as caught:
            return self._fail(operation, exchange, caught)

    def _deferred(
        self, operation: InferOperation, exchange: Exchange, answer: Deferred[CoreResponse]
    ) -> Later[WireResponse]:
        """The end of a call whose answer comes later, on this thread: no task for it."""

        def give_up() -> None:
            answer.cancel()
            exchange.release()

        def finish(answer: Deferred[CoreResponse]) -> None:
            try:
                response = self._end(exchange, operation.encode(exchange.draft, answer.result()))
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
            return self._end(exchange, operation.encode(exchange.draft, await answer))
        except Exception as caught:
            return self._fail(operation, exchange, caught)

    async def _infer_offloaded(self, operation: InferOperation, exchange: Exchange) -> WireResponse:
        """The same way with the codec's work on a thread, so that a large body does not stall the others."""
        on_thread = partial(asyncio.get_running_loop().run_in_executor, self._codecs)
        try:
            exchange.draft = draft = await on_thread(operation.parse, exchange.wire, self._limits)
            handle = self._models.pin(draft.target)
            exchange.hold(handle)
            signature = handle.signature(draft.target.signature)
            request = await on_thread(operation.bind, draft, signature)
            if operation.stream is not None and (encoder := operation.stream(draft)) is not None:
                chunks = self._chunks(exchange, handle, request, signature)
                return await self._begin_stream(operation, exchange, handle, chunks, encoder)
            answer = handle.runner.run(handle, request, signature, exchange.call)
            if not isinstance(answer, TensorResponse):
                answer = await answer
            return self._end(exchange, await on_thread(operation.encode, draft, answer))
        except Exception as caught:
            return self._fail(operation, exchange, caught)
        finally:
            exchange.release()

    async def _infer_parts(self, operation: MultiInferOperation, exchange: Exchange) -> WireResponse:
        """Several calls of one pinned version. All parts are bound before the first runs."""
        try:
            exchange.draft = draft = operation.parse(exchange.wire, self._limits)
            handle = self._models.pin(draft.target)
            exchange.hold(handle)
            signatures = [handle.signature(part.target.signature) for part in draft.parts]
            requests = list(map(operation.bind, draft.parts, signatures))
            responses = []
            for request, signature in zip(requests, signatures, strict=True):
                answer = handle.runner.run(handle, request, signature, exchange.call)
                responses.append(answer if isinstance(answer, TensorResponse) else await answer)
            return self._end(exchange, operation.encode(draft, responses))
        except Exception as caught:
            return self._fail(operation, exchange, caught)
        finally:
            exchange.release()

    def _chunks(
        self, exchange: Exchange, handle: Handle, request: CoreRequest, signature: Signature
    ) -> AsyncGenerator[Chunk, None]:
        """The parts of a streamed answer, which may take `limits.stream_s` in all."""
        exchange.call.deadline_s = monotonic() + self._limits.stream_s
        return handle.runner.stream(handle, request, signature, exchange.call)

    async def _begin_stream(
        self,
        operation: InferOperation,
        exchange: Exchange,
        handle: Handle,
        chunks: AsyncGenerator[Chunk, None],
        encoder: StreamEncoder,
    ) -> WireResponse:
        """The head of a streamed answer. The stream holds a pin of its own until its last part."""

        def finish(error: DragomanError | None) -> None:
            handle.release()
            self._recorder.done(exchange, head, error)

        as_dragoman = partial(self._recorder.as_dragoman, call=exchange.call)
        answer = StreamedAnswer(chunks, encoder, as_dragoman, finish)
        try:
            head = await answer.head()
        except Exception as caught:
            return self._fail(operation, exchange, caught)
        handle.hold()
        return head

    def _status(self, operation: StatusOperation, exchange: Exchange) -> WireResponse:
        try:
            return self._end(exchange, operation.answer(exchange.wire, self._models.report))
        except Exception as caught:
            return self._fail(operation, exchange, caught)

    async def _control(self, operation: ControlOperation, exchange: Exchange) -> WireResponse:
        try:
            check_control(exchange.wire, allow_remote=self._allow_remote_control)
            request = operation.parse(exchange.wire, self._limits)
            return self._end(exchange, operation.encode(await self._models.control(request)))
        except Exception as caught:
            return self._fail(operation, exchange, caught)

    def _end(
        self, exchange: Exchange, response: WireResponse, error: DragomanError | None = None
    ) -> WireResponse:
        exchange.release()
        self._recorder.done(exchange, response, error)
        return response

    def _fail(
        self,
        operation: InferOperation | MultiInferOperation | StatusOperation | ControlOperation,
        exchange: Exchange,
        caught: Exception,
    ) -> WireResponse:
        error = self._recorder.as_dragoman(caught, exchange.call)
        return self._end(exchange, operation.fail(exchange.draft, error), error)


def later(
    exchange: Exchange, rest: Coroutine[Any, Any, WireResponse], awaited: object
) -> Awaitable[WireResponse]:
    """The rest of a call as a task. Its pin is given back even when it is cancelled before it began.

    `awaited` is what the rest waits for; where that is a coroutine which was never begun, it is closed.
    """

    def end(_: object) -> None:
        exchange.release()
        if isinstance(awaited, Coroutine):
            awaited.close()

    task = asyncio.get_running_loop().create_task(rest)
    task.add_done_callback(end)
    return task
