"""Runs a model that makes vectors of texts, or ranks them: on threads, or on the loop where that is short.

What a call costs is measured by the characters of its texts.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter_ns
from typing import Any

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Ids
from dragoman.core.requests import CoreRequest, EmbedRequest, RankRequest, TensorRequest, TokenizeRequest
from dragoman.core.responses import Chunk, CoreResponse, EmbedResponse, RankResponse, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.statistics import Occupancy, Run
from dragoman.engines.base import EmbeddingModel, RankingModel
from dragoman.execution.adapters import SignatureAdapter
from dragoman.execution.admission import Slots
from dragoman.execution.costs import CostEstimate
from dragoman.execution.deadlines import within
from dragoman.execution.runners import INLINE_NS, when_done
from dragoman.execution.text.tokens import tokenized
from dragoman.repository.handle import Handle

Ready = EmbedRequest | RankRequest | TensorRequest
Vectors = EmbedResponse | RankResponse | TensorResponse


class EmbeddingRunner:
    """Takes a model over, with at most `threads` calls at once."""

    def __init__(
        self, model: EmbeddingModel | RankingModel, name: str, threads: int, queue_limit: int
    ) -> None:
        self._model = model
        self._kind: type[EmbedRequest | RankRequest]
        self._call: Callable[[Any, CallContext], Vectors]  # for requests of the kind that the model is for
        self._tokens: Callable[..., Ids] | None = None
        if isinstance(model, EmbeddingModel):
            self._kind, self._call, self._tokens = EmbedRequest, model.embed, model.tokens
        else:
            self._kind, self._call = RankRequest, model.rank
        self._at_once = max(1, min(threads, model.concurrency))
        self._slots = Slots(self._at_once, queue_limit, name)
        self._cost = CostEstimate()
        self._adapters: dict[str, SignatureAdapter] = {}
        self._pool = ThreadPoolExecutor(self._at_once, thread_name_prefix=f"model-{name}")

    def run(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> Awaitable[CoreResponse]:
        """The vectors, or tokens, to be awaited."""
        own = self._tokens
        if isinstance(request, TokenizeRequest) and own is not None:
            return tokenized(
                self._pool,
                lambda text, special: own(text, special=special),
                request,
                handle.version,
                call,
            )
        return self._answer(handle, request, signature, call)

    async def stream(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> AsyncGenerator[Chunk, None]:
        """The whole answer as the only part.

        Errors: UNIMPLEMENTED for a request of no tensors.
        """
        response = await self._answer(handle, request, signature, call)
        if not isinstance(response, TensorResponse):
            raise DragomanError(Code.UNIMPLEMENTED, "vectors of texts are not streamed")
        yield Chunk(response.outputs, response.run, response.version)

    def occupancy(self) -> Occupancy:
        """How busy the model is."""
        return Occupancy(self._at_once, self._at_once - self._slots.free, self._at_once)

    def close(self) -> None:
        """Wait for the calls that run, then close the model."""
        self._pool.shutdown(wait=True)
        self._model.close()

    async def _answer(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> Vectors:
        adapter = self._adapter(signature)
        ready = request if isinstance(request, self._kind) else adapter.to_engine(request)
        size = characters(ready)
        since_ns = perf_counter_ns()
        await within(call, self._slots.take())
        if self._cost.ns_per_byte * size < INLINE_NS:
            try:
                response = self._timed(ready, size, call, since_ns)
            finally:
                self._slots.give()
        else:
            handle.hold()
            work = self._pool.submit(self._timed, ready, size, call, since_ns, on_thread=True)
            when_done(work, handle.release)
            when_done(work, self._slots.give)
            response = await within(call, asyncio.wrap_future(work))
        if isinstance(response, TensorResponse):
            return adapter.from_engine(response, handle.version)
        response.version = handle.version
        return response

    def _timed(
        self, request: Ready, size: int, call: CallContext, since_ns: int, *, on_thread: bool = False
    ) -> Vectors:
        began_ns = perf_counter_ns()
        response: Vectors
        if isinstance(request, TensorRequest):
            response = self._model.infer(request, call)
        else:
            response = self._call(request, call)
        took_ns = perf_counter_ns() - began_ns
        self._cost.add(took_ns, size, on_thread=on_thread)
        response.run = Run(took_ns, began_ns - since_ns)
        return response

    def _adapter(self, signature: Signature) -> SignatureAdapter:
        adapter = self._adapters.get(signature.name)
        if adapter is None:
            native = self._model.signatures[signature.source]
            adapter = self._adapters[signature.name] = SignatureAdapter(signature, native)
        return adapter


def characters(request: Ready) -> int:
    """What there is of text in a request; a token counts as the characters that one often has."""
    if isinstance(request, RankRequest):
        return sum(len(request.query) + len(document) for document in request.documents)
    if isinstance(request, EmbedRequest):
        return sum(len(text) if isinstance(text, str) else 4 * len(text) for text in request.inputs)
    return sum(
        sum(map(len, tensor.array.reshape(-1).tolist()))
        for tensor in request.inputs.values()
        if tensor.array.dtype == object
    )
