"""Runs a model that lives in another server: on the event loop, where it waits for answers.

Tensors of texts become the prompts or texts that the other server takes. Whether that is well is asked now
and then by a task of the runner's own.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing, suppress
from time import perf_counter_ns
from typing import Final

import structlog

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.requests import CoreRequest, GenerateRequest, TensorRequest
from dragoman.core.responses import Chunk, CoreResponse, EmbedResponse, TensorResponse, TextResponse
from dragoman.core.signatures import Signature
from dragoman.core.statistics import Occupancy, Run, TextCounts
from dragoman.core.status import Cause
from dragoman.core.tensors import DType, Tensor
from dragoman.core.text_signature import VECTOR
from dragoman.engines.base import RemoteModel
from dragoman.execution.adapters import KIND_OF, SignatureAdapter
from dragoman.execution.admission import Slots
from dragoman.execution.deadlines import within
from dragoman.execution.images.runner import PreparingRunner
from dragoman.execution.tally import Tally
from dragoman.execution.text.tensors import embed_request, generate_request, text_response, text_tensor
from dragoman.repository.handle import Handle

SILENCE_S: Final = 15.0  # after which a reader is shown that the model is still at it
CLOSING_S: Final = 5.0


class RemoteRunner:
    """Takes a model over. Made on any thread, closed on any but the loop's."""

    def __init__(
        self,
        model: RemoteModel,
        name: str,
        queue_limit: int,
        loop: asyncio.AbstractEventLoop,
        *,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._model = model
        self._name = name
        self._loop = loop
        self._silence_s = silence_s
        self._slots = Slots(model.concurrency, queue_limit, name)
        self._tally = Tally()
        self._adapters: dict[str, SignatureAdapter] = {}
        self._checks: asyncio.Task[None] | None = None
        if model.check_s:
            loop.call_soon_threadsafe(self._watch)

    def run(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> Awaitable[CoreResponse]:
        """The answer, to be awaited."""
        return self._whole(handle, request, signature, call)

    async def stream(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> AsyncGenerator[Chunk, None]:
        """The answer in the parts in which the other server sends it."""
        ready = self._ready(request, signature)
        as_tensors = isinstance(request, TensorRequest)
        if as_tensors and isinstance(ready, GenerateRequest) and len(ready.prompts) > 1:
            raise invalid(f"a stream continues one prompt, and the request holds {len(ready.prompts)}")
        await within(call, self._slots.take())
        began_ns = perf_counter_ns()
        try:
            with self._tally.counted(ready):
                async with aclosing(self._heard(ready, call)) as chunks:
                    async for chunk in chunks:
                        if chunk.usage is not None:
                            self._tally.used(chunk.usage)
                        told = self._as_tensors(chunk, signature) if as_tensors else chunk
                        if told is None:
                            continue
                        now_ns = perf_counter_ns()
                        told.version, told.run = handle.version, Run(now_ns - began_ns)
                        began_ns = now_ns
                        yield told
        finally:
            call.cancelled = True
            self._slots.give()

    def occupancy(self) -> Occupancy:
        """How busy the connections are."""
        places = self._model.concurrency
        return Occupancy(places, places - self._slots.free, places)

    def trouble(self) -> Cause | None:
        """What is wrong with the other server, as far as is known."""
        why = self._model.trouble
        return Cause(Code.UNAVAILABLE, why) if why else None

    def close(self) -> None:
        """Ask nothing more and close the connections; it blocks."""
        self._model.close()
        if not self._loop.is_closed() and self._loop.is_running():
            asyncio.run_coroutine_threadsafe(self._released(), self._loop).result(CLOSING_S)

    async def _whole(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> CoreResponse:
        ready = self._ready(request, signature)
        since_ns = perf_counter_ns()
        await within(call, self._slots.take())
        began_ns = perf_counter_ns()
        try:
            with self._tally.counted(ready):
                response = await within(call, self._model.answer(ready, call))
        finally:
            self._slots.give()
        run = Run(perf_counter_ns() - began_ns, began_ns - since_ns)
        if isinstance(response, TextResponse):
            self._tally.used(response.usage)
        if isinstance(request, TensorRequest):
            if isinstance(response, TextResponse):
                return text_response([text.text for text in response.texts], handle.version, run)
            if isinstance(response, EmbedResponse):
                response = TensorResponse({VECTOR: Tensor(DType.FP32, response.vectors)})
        if isinstance(response, TensorResponse):
            response = self._adapter(signature).from_engine(response, handle.version)
        response.version, response.run = handle.version, run
        return response

    def _ready(self, request: CoreRequest, signature: Signature) -> CoreRequest:
        """The request as the model takes it.

        Errors: UNIMPLEMENTED for a request of a kind that it does not take.
        """
        native = self._model.signatures[signature.source]
        if isinstance(request, TensorRequest):
            if native.text is not None:
                return generate_request(request)
            if native.embeds is not None:
                return embed_request(request)
        if native.text is None and native.embeds is None and not native.untyped:
            return self._adapter(signature).to_engine(request)
        kind = KIND_OF[type(request)]
        if kind not in native.accepts:
            raise DragomanError(Code.UNIMPLEMENTED, f"model {self._name} takes no {kind.value}")
        return request

    async def _heard(self, request: CoreRequest, call: CallContext) -> AsyncGenerator[Chunk, None]:
        """The parts as they come, and an empty one after each long silence."""
        async with aclosing(self._model.parts(request, call)) as parts:
            while True:
                step = asyncio.ensure_future(anext(parts))
                try:
                    while not (await asyncio.wait({step}, timeout=self._silence_s))[0]:
                        yield Chunk()
                    chunk = step.result()
                except StopAsyncIteration:
                    return
                finally:
                    if not step.done():
                        step.cancel()
                        with suppress(asyncio.CancelledError):
                            await step
                yield chunk

    def _as_tensors(self, chunk: Chunk, signature: Signature) -> Chunk | None:
        """A part for a caller that takes tensors; None where it holds none for it."""
        if chunk.pieces:
            text = "".join(piece.text for piece in chunk.pieces)
            return Chunk(text_tensor([text])) if text else None
        if not chunk.outputs:
            return None
        answer = self._adapter(signature).from_engine(TensorResponse(chunk.outputs), 0)
        return Chunk(answer.outputs)

    def _adapter(self, signature: Signature) -> SignatureAdapter:
        adapter = self._adapters.get(signature.name)
        if adapter is None:
            native = self._model.signatures[signature.source]
            adapter = self._adapters[signature.name] = SignatureAdapter(signature, native)
        return adapter

    def _watch(self) -> None:
        self._checks = self._loop.create_task(self._check_on())

    async def _check_on(self) -> None:
        """Ask again and again whether the other server is well."""
        while self._model.check_s:
            await asyncio.sleep(self._model.check_s)
            try:
                await self._model.check()
            except Exception:  # a bug of ours, and what is shown must not stay as it is for ever
                structlog.get_logger("dragoman.execution").exception("a check broke down", model=self._name)

    async def _released(self) -> None:
        if self._checks is not None:
            self._checks.cancel()
            await asyncio.gather(self._checks, return_exceptions=True)
        self._model.release()


class RemoteTextRunner(RemoteRunner):
    """The same for a model that writes text, which tells what has become of its texts."""

    def texts(self) -> TextCounts:
        """How many there are, and what became of those there were."""
        return self._tally.counts(self._model.concurrency, self._slots.waiting)


class PreparingRemoteRunner(PreparingRunner):
    """Prepares requests for a model of another server, and tells how that is."""

    def trouble(self) -> Cause | None:
        """What is wrong with the other server, as far as is known."""
        return self.inner.trouble() if isinstance(self.inner, RemoteRunner) else None
