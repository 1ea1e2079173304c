"""Runs a model that makes vectors of texts, or ranks them: on threads, or on the loop where that is short.

What a call costs is measured by the characters of its texts. Short calls that wait at the same time run as
one where the model can do that.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter_ns
from typing import Any, Final

from msgspec import Struct

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Ids
from dragoman.core.requests import CoreRequest, EmbedRequest, RankRequest, TensorRequest, TokenizeRequest
from dragoman.core.responses import Chunk, CoreResponse, EmbedResponse, RankResponse, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.statistics import Occupancy, Run
from dragoman.engines.base import EmbeddingModel, JoiningModel, RankingModel
from dragoman.execution.adapters import SignatureAdapter
from dragoman.execution.admission import Slots
from dragoman.execution.costs import CostEstimate
from dragoman.execution.deadlines import within
from dragoman.execution.runners import INLINE_NS, when_done
from dragoman.execution.text.tokens import tokenized
from dragoman.repository.handle import Handle

Ready = EmbedRequest | RankRequest | TensorRequest
Vectors = EmbedResponse | RankResponse | TensorResponse


JOINED_CHARS: Final = 4096  # of one call that others may run with, whose texts it would wait for
MOST_JOINED_CHARS: Final = 16_384


class Job(Struct, eq=False):
    """A call that waits to be run, alone or with others; `place` = which of them it is once it runs."""

    request: EmbedRequest
    call: CallContext
    size: int
    since_ns: int
    work: Future[Sequence[EmbedResponse | DragomanError]] | None = None
    place: int = 0


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
        self._joining = model if isinstance(model, JoiningModel) else None
        self._jobs: deque[Job] = deque()
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
        if self._joining is not None and isinstance(ready, EmbedRequest) and size <= JOINED_CHARS:
            vectors = await self._joined(handle, Job(ready, call, size, since_ns))
            vectors.version = handle.version
            return vectors
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

    async def _joined(self, handle: Handle, job: Job) -> EmbedResponse:
        """The answer to a short call, run with those that wait as it does."""
        call = job.call
        self._jobs.append(job)
        try:
            await within(call, self._slots.take())
        except BaseException:
            if job.work is None:
                self._jobs.remove(job)
            raise
        if job.work is not None:
            self._slots.give()  # somebody else has run it meanwhile
        elif len(self._jobs) == 1 and self._cost.ns_per_byte * job.size < INLINE_NS:
            self._jobs.clear()
            try:
                answer = self._timed_all([job])[0]
            finally:
                self._slots.give()
            return vectors_or_raise(answer)
        else:
            self._run_waiting(handle, job)
        if job.work is None:
            raise RuntimeError("a job that has its turn was not run")
        # Shielded, since others may wait for the same run.
        answers = await within(call, asyncio.shield(asyncio.wrap_future(job.work)))
        return vectors_or_raise(answers[job.place])

    def _run_waiting(self, handle: Handle, job: Job) -> None:
        """Run this one, and of the others that wait as many as there is room for."""
        self._jobs.remove(job)
        jobs, size = [job], job.size
        while self._jobs and size + self._jobs[0].size <= MOST_JOINED_CHARS:
            jobs.append(self._jobs.popleft())
            size += jobs[-1].size
        handle.hold()
        work = self._pool.submit(self._timed_all, jobs, on_thread=True)
        for place, each in enumerate(jobs):
            each.work, each.place = work, place
        when_done(work, handle.release)
        when_done(work, self._slots.give)

    def _timed_all(
        self, jobs: Sequence[Job], *, on_thread: bool = False
    ) -> Sequence[EmbedResponse | DragomanError]:
        if self._joining is None:
            raise RuntimeError("this model answers one call at a time")
        began_ns = perf_counter_ns()
        answers = self._joining.embed_all([job.request for job in jobs], [job.call for job in jobs])
        took_ns = perf_counter_ns() - began_ns
        self._cost.add(took_ns, sum(job.size for job in jobs), on_thread=on_thread)
        for job, answer in zip(jobs, answers, strict=True):
            if isinstance(answer, EmbedResponse):
                answer.run = Run(took_ns, began_ns - job.since_ns)
        return answers

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


def vectors_or_raise(answer: EmbedResponse | DragomanError) -> EmbedResponse:
    """The answer, if it is none of the errors."""
    if isinstance(answer, DragomanError):
        raise answer
    return answer


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
