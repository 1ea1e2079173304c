"""Runs a model that lives in workers: a call takes a slot and waits, on the event loop, for its answer."""

import asyncio
import mmap
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from functools import partial
from time import perf_counter_ns
from typing import Final, TypeVar

from dragoman.core.context import CallContext
from dragoman.core.requests import CoreRequest, TensorRequest
from dragoman.core.responses import Chunk, CoreResponse, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.statistics import Occupancy, Run
from dragoman.core.status import Cause
from dragoman.core.tensors import Tensor
from dragoman.execution.adapters import SignatureAdapter
from dragoman.execution.batch import rows_of
from dragoman.execution.deadlines import within
from dragoman.execution.steps import Question, Steps, carry_on
from dragoman.execution.workers.frames import GarbledError, Infer, More, Result
from dragoman.execution.workers.memory import MemoryClosedError, trim
from dragoman.execution.workers.model import WorkerModel
from dragoman.execution.workers.packing import nbytes, pack, unpack, used_bytes
from dragoman.execution.workers.pool import Health, Restarts, WorkerPool
from dragoman.execution.workers.process import end_on_loop
from dragoman.execution.workers.worker import Slot, WorkerEndedError
from dragoman.repository.handle import Handle

OFFLOAD_BYTES: Final = 1024 * 1024  # copying more than this goes to a thread: 1 MiB takes about 100 µs
USUAL_RESTARTS: Final = Restarts()
T = TypeVar("T")


def unwatched(cause: Cause | None) -> None:
    """The watcher where nobody wants to know."""


class WorkerRunner:
    """Takes a model's workers over and restarts those that end.

    May be made on any thread, and closed on any but the loop's.
    """

    hears_parameters: Final = True

    def __init__(
        self,
        model: WorkerModel,
        loop: asyncio.AbstractEventLoop,
        health: Health = unwatched,
        restarts: Restarts = USUAL_RESTARTS,
    ) -> None:
        self.at_once = model.slots
        self._model = model
        self._loop = loop
        self._counts_rows = model.load.artifact.settings.batching is not None
        self._grace_s = model.load.artifact.settings.worker.grace_s
        self._adapters: dict[str, SignatureAdapter] = {}
        self._pool = WorkerPool(model.load, loop, health, restarts)
        loop.call_soon_threadsafe(self._begin)

    def run(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> Awaitable[CoreResponse]:
        """The answer, to be awaited."""
        adapter = self.adapter(signature)
        return self._answer(handle, adapter.to_engine(request), adapter, call)

    def run_ready(
        self,
        handle: Handle,
        request: TensorRequest,
        rows: int,
        adapter: SignatureAdapter,
        call: CallContext,
    ) -> Awaitable[CoreResponse]:
        """The same for a request that is in the engine's names already."""
        return self._answer(handle, request, adapter, call)

    def goes_at_once(self, size_bytes: int) -> bool:
        """A request that comes alone always does: there is nobody whom it would keep waiting."""
        return True

    def run_steps(self, handle: Handle, steps: Steps[T], size_bytes: int) -> asyncio.Task[T]:
        """Steps that ask the model, as a task."""

        async def reply(question: Question) -> TensorResponse:
            return await self._respond(question.request, question.call)

        handle.hold()
        task = self._loop.create_task(carry_on(steps, reply))
        task.add_done_callback(lambda _: handle.release())
        return task

    async def stream(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> AsyncGenerator[Chunk, None]:
        """The answer in parts, each made by the worker when the reader asks for it."""
        adapter = self.adapter(signature)
        ready = adapter.to_engine(request)
        since_ns = perf_counter_ns()
        slot = self._pool.try_take() or await self._pool.take(call)
        queue_ns = perf_counter_ns() - since_ns
        try:
            frame = await self._frame(slot, ready, call, stream=True)
            asked_ns = perf_counter_ns()
            reply = await within(call, slot.worker.ask(slot, frame))
            while isinstance(reply, Result):
                run = Run(perf_counter_ns() - asked_ns, queue_ns)
                outputs = await self._outputs(slot, reply, 0)
                part = adapter.from_engine(TensorResponse(outputs), handle.version)
                yield Chunk(part.outputs, run, handle.version)
                if not reply.more:
                    return
                queue_ns = 0
                asked_ns = perf_counter_ns()
                reply = await within(call, slot.worker.ask(slot, More(slot.index)))
        finally:
            call.cancelled = True
            slot.worker.leave(slot, call, self._grace_s)

    def occupancy(self) -> Occupancy:
        """How busy the workers are."""
        return self._pool.occupancy

    def close(self) -> None:
        """Let the workers close the model and end; it blocks."""
        end_on_loop(self._loop, self._pool.stop, self._grace_s)
        self._model.close()

    def _begin(self) -> None:
        for process, ready in self._model.hand_over():
            self._pool.adopt(process, ready)

    def adapter(self, signature: Signature) -> SignatureAdapter:
        """The way of a signature's requests to the engine and back."""
        adapter = self._adapters.get(signature.name)
        if adapter is None:
            native = self._model.signatures[signature.source]
            adapter = self._adapters[signature.name] = SignatureAdapter(signature, native)
        return adapter

    async def _answer(
        self, handle: Handle, request: TensorRequest, adapter: SignatureAdapter, call: CallContext
    ) -> CoreResponse:
        return adapter.from_engine(await self._respond(request, call), handle.version)

    async def _respond(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        """The answer in the engine's names, with what it took."""
        since_ns = perf_counter_ns()
        slot = self._pool.try_take() or await self._pool.take(call)
        queue_ns = perf_counter_ns() - since_ns
        try:
            frame = await self._frame(slot, request, call)
            asked_ns = perf_counter_ns()
            reply = await within(call, slot.worker.ask(slot, frame))
            infer_ns = perf_counter_ns() - asked_ns
            if not isinstance(reply, Result):
                raise WorkerEndedError()
            outputs = await self._outputs(slot, reply, used_bytes(frame.inputs))
        finally:
            slot.worker.leave(slot, call, self._grace_s)
        rows = rows_of(request) or 1 if self._counts_rows else 1
        return TensorResponse(outputs, run=Run(infer_ns, queue_ns, rows))

    async def _frame(
        self, slot: Slot, request: TensorRequest, call: CallContext, *, stream: bool = False
    ) -> Infer:
        copy = partial(pack, request.inputs, slot.memory)
        large = nbytes(request.inputs) > OFFLOAD_BYTES
        inputs = await self._on_thread(slot, copy) if large else copy()
        outputs = None if request.outputs is None else list(request.outputs)
        call.parameters = request.parameters
        return Infer(slot.index, request.signature, inputs, outputs, call, stream)

    async def _outputs(self, slot: Slot, reply: Result, used: int) -> Mapping[str, Tensor]:
        used = max(used, used_bytes(reply.outputs))
        try:
            copy = partial(received, reply, slot.memory, used)
            return await self._on_thread(slot, copy) if used > OFFLOAD_BYTES else copy()
        except (GarbledError, MemoryClosedError) as error:
            slot.worker.stop(f"it sent {error}")
            raise WorkerEndedError() from error

    async def _on_thread(self, slot: Slot, copy: Callable[[], T]) -> T:
        """Copy on a thread; the slot stays taken until that is done, whoever still waits."""
        work = self._loop.run_in_executor(None, copy)
        slot.copying = work
        return await asyncio.shield(work)


def received(reply: Result, memory: mmap.mmap, used: int) -> dict[str, Tensor]:
    """The tensors of a reply, copied out of the slot's memory; what a large call took is given back."""
    outputs = unpack(reply.outputs, memory)
    trim(memory, used)
    return outputs
