"""How a call reaches the model: at once on the event loop, or on the model's threads.

A call runs inline only if it is expected to be short: (average cost per input byte) x (this request's bytes)
under 200 µs. A cold model, a large request and an overrun go to the threads, so that the loop stays free.
Measured: inline 5.6 µs for a small model where a hop to a thread and back takes 16 to 25.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from time import perf_counter_ns
from typing import Any, Final, ParamSpec, TypeVar

from dragoman.core.context import CallContext
from dragoman.core.requests import CoreRequest, TensorRequest
from dragoman.core.responses import Chunk, CoreResponse, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.statistics import Occupancy, Run
from dragoman.engines.base import LoadedModel, Streamed
from dragoman.execution.adapters import SignatureAdapter
from dragoman.execution.admission import Slots
from dragoman.execution.batch import rows_of
from dragoman.execution.costs import CostEstimate
from dragoman.execution.deadlines import within
from dragoman.execution.steps import Question, Steps, carry_out
from dragoman.repository.handle import Handle

INLINE_NS: Final = 200_000
P = ParamSpec("P")
T = TypeVar("T")


class LocalRunner:
    """Runs a model that lives in this process, with at most `threads` calls at once.

    `counts_rows` = the model takes batches, so that each row counts in its statistics.
    """

    hears_parameters: Final = False  # no engine that lives here looks at them

    def __init__(
        self, model: LoadedModel, name: str, threads: int, queue_limit: int, *, counts_rows: bool = False
    ) -> None:
        self.at_once = at_once = max(1, min(threads, model.concurrency))
        self._model = model
        self._counts_rows = counts_rows
        self._adapters: dict[str, SignatureAdapter] = {}
        self._cost = CostEstimate()
        self.overlaps = model.concurrency > at_once  # then a call on the loop may meet those on all threads
        self._slots = Slots(at_once, queue_limit, name)
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix=f"model-{name}")

    def run(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> TensorResponse | Awaitable[CoreResponse]:
        """The answer, at once where the call is short, else something to await."""
        adapter = self.adapter(signature)
        ready = adapter.to_engine(request)
        rows = rows_of(ready) or 1 if self._counts_rows else 1
        return self.run_ready(handle, ready, rows, adapter, call)

    def run_here(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> TensorResponse:
        """The answer, on this thread, which is none of the model's: where `overlaps`, it takes more calls."""
        adapter = self.adapter(signature)
        ready = adapter.to_engine(request)
        rows = rows_of(ready) or 1 if self._counts_rows else 1
        answer = self.infer(ready, input_bytes(ready), call, rows, on_thread=True)
        return adapter.from_engine(answer, handle.version)

    def run_ready(
        self,
        handle: Handle,
        request: TensorRequest,
        rows: int,
        adapter: SignatureAdapter,
        call: CallContext,
    ) -> TensorResponse | Awaitable[CoreResponse]:
        """The same for a request that is in the engine's names already; it counts as so many rows."""
        size = input_bytes(request)
        if self.is_short(size) and (self.overlaps or self._slots.try_take()):
            try:
                return adapter.from_engine(self.infer(request, size, call, rows), handle.version)
            finally:
                if not self.overlaps:
                    self._slots.give()
        return self._in_turn(handle, request, rows, adapter, call)

    async def stream(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> AsyncGenerator[Chunk, None]:
        """The answer in parts, each made on a thread when the reader asks for it."""
        adapter = self.adapter(signature)
        ready = adapter.to_engine(request)
        since_ns = perf_counter_ns()
        await within(call, self._slots.take())
        queue_ns = perf_counter_ns() - since_ns
        chunks = self._model.stream(ready, call)
        part = None
        try:
            while True:
                part = self.submit(handle, next_chunk, chunks)
                chunk = await within(call, asyncio.wrap_future(part))
                if chunk is None:
                    return
                outputs = adapter.from_engine(TensorResponse(chunk.outputs), handle.version).outputs
                infer_ns = 0 if chunk.run is None else chunk.run.infer_ns
                yield Chunk(outputs, Run(infer_ns, queue_ns), handle.version)
                queue_ns = 0
        finally:
            call.cancelled = True
            when_done(part, self._slots.give)

    def occupancy(self) -> Occupancy:
        """How busy the model is."""
        streams = self._model.streams if isinstance(self._model, Streamed) else self.at_once
        return Occupancy(self.at_once, self.at_once - self._slots.free, streams)

    def close(self) -> None:
        """Wait for the calls that run, then close the model."""
        self._pool.shutdown(wait=True)
        self._model.close()

    def adapter(self, signature: Signature) -> SignatureAdapter:
        """The way of a signature's requests to the engine and back."""
        adapter = self._adapters.get(signature.name)
        if adapter is None:
            native = self._model.signatures[signature.source]
            adapter = self._adapters[signature.name] = SignatureAdapter(signature, native)
        return adapter

    def is_short(self, size_bytes: int) -> bool:
        """Whether a call with so many bytes of input is expected to be short enough for the loop."""
        return self._cost.ns_per_byte * size_bytes < INLINE_NS

    def goes_at_once(self, size_bytes: int) -> bool:
        """Whether a request that comes alone is answered before others could join it."""
        return self.is_short(size_bytes)

    def run_steps(self, handle: Handle, steps: Steps[T], size_bytes: int) -> T | Future[T]:
        """The result of steps that ask the model, at once where those are short, else from a thread."""
        if self.is_short(size_bytes):
            return carry_out(steps, self._reply)
        return self.submit(handle, carry_out, steps, partial(self._reply, on_thread=True))

    def _reply(self, question: Question, *, on_thread: bool = False) -> TensorResponse:
        return self.infer(question.request, question.size_bytes, question.call, on_thread=on_thread)

    def infer(
        self,
        request: TensorRequest,
        size_bytes: int,
        call: CallContext,
        rows: int = 1,
        since_ns: int | None = None,
        *,
        on_thread: bool = False,
    ) -> TensorResponse:
        """The model's answer, here and now, and what it took; the cost is remembered.

        The request counts as so many rows; it has waited since `since_ns`, if at all. `on_thread` = this is
        not the event loop's.
        """
        began_ns = perf_counter_ns()
        response = self._model.infer(request, call)
        took_ns = perf_counter_ns() - began_ns
        self._cost.add(took_ns, size_bytes, on_thread=on_thread)
        response.run = Run(took_ns, 0 if since_ns is None else began_ns - since_ns, rows)
        return response

    async def _in_turn(
        self, handle: Handle, request: TensorRequest, rows: int, adapter: SignatureAdapter, call: CallContext
    ) -> CoreResponse:
        """The answer after a wait for a slot, from a thread unless the call has turned out to be short."""
        since_ns = perf_counter_ns()
        size = input_bytes(request)
        await within(call, self._slots.take())
        if self.is_short(size):
            # On to a thread here, a queue that once built up would keep every call off the fast way.
            try:
                return adapter.from_engine(self.infer(request, size, call, rows, since_ns), handle.version)
            finally:
                self._slots.give()
        work = self.submit(handle, self.infer, request, size, call, rows, since_ns, on_thread=True)
        when_done(work, self._slots.give)
        return adapter.from_engine(await within(call, asyncio.wrap_future(work)), handle.version)

    def submit(
        self, handle: Handle, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Start on a thread, with the version pinned until the thread is through, whoever still waits."""
        handle.hold()
        work = self._pool.submit(function, *args, **kwargs)
        when_done(work, handle.release)
        return work


def input_bytes(request: TensorRequest) -> int:
    """The bytes of all input arrays; of texts, those of the references to them."""
    size = 0
    for tensor in request.inputs.values():
        size += tensor.array.nbytes
    return size


def next_chunk(chunks: Iterator[Chunk]) -> Chunk | None:
    """The next part of a streamed answer with what it took, or None after the last."""
    began_ns = perf_counter_ns()
    chunk = next(chunks, None)
    if chunk is not None:
        chunk.run = Run(perf_counter_ns() - began_ns)
    return chunk


def when_done(work: Future[Any] | None, action: Callable[[], None]) -> None:
    """Do `action` on the event loop as soon as the thread is through; at once where there is no work."""
    if work is None:
        action()
        return
    loop = asyncio.get_running_loop()
    work.add_done_callback(lambda _: loop.call_soon_threadsafe(action))
