"""Prepares requests, images among them on threads, and lets another runner run the model."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

from dragoman.core.context import CallContext
from dragoman.core.requests import CoreRequest, TensorRequest
from dragoman.core.responses import Chunk, CoreResponse, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.statistics import Occupancy
from dragoman.execution.admission import Slots
from dragoman.execution.deadlines import within
from dragoman.execution.images.preparation import SHORT_BYTES, Preparation
from dragoman.execution.runners import when_done
from dragoman.repository.handle import Handle, Runner
from dragoman.settings.limits import Limits


class PreparingRunner:
    """Runs a model whose inputs callers send in another form. `threads` requests are prepared at once."""

    def __init__(self, inner: Runner, name: str, threads: int, queue_limit: int, limits: Limits) -> None:
        self._inner = inner
        self._limits = limits
        self._preparations: dict[str, Preparation] = {}
        self._slots = Slots(threads, queue_limit, name)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"images-{name}")

    def run(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> TensorResponse | Awaitable[CoreResponse]:
        """The answer, or something to await; what takes long to prepare always is."""
        if not isinstance(request, TensorRequest):
            return self._inner.run(handle, request, signature, call)
        preparation = self._preparation(signature)
        size = preparation.size(request)
        if size > SHORT_BYTES:
            return self._run_later(handle, request, signature, call)
        ready = preparation.prepared(request, call) if size else request
        return self._inner.run(handle, ready, signature, call)

    async def stream(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> AsyncGenerator[Chunk, None]:
        """The answer in parts."""
        if isinstance(request, TensorRequest):
            request = await self._prepared(request, signature, call)
        async with aclosing(self._inner.stream(handle, request, signature, call)) as chunks:
            async for chunk in chunks:
                yield chunk

    def occupancy(self) -> Occupancy | None:
        """How busy the model is."""
        return self._inner.occupancy()

    def close(self) -> None:
        """Close the model. Images that nobody waits for any more may still be decoded meanwhile."""
        self._pool.shutdown(wait=False)
        self._inner.close()

    def _preparation(self, signature: Signature) -> Preparation:
        found = self._preparations.get(signature.name)
        if found is None:
            found = self._preparations[signature.name] = Preparation(signature, self._limits)
        return found

    async def _run_later(
        self, handle: Handle, request: TensorRequest, signature: Signature, call: CallContext
    ) -> CoreResponse:
        ready = await self._prepared(request, signature, call)
        answer = self._inner.run(handle, ready, signature, call)
        return answer if isinstance(answer, TensorResponse) else await answer

    async def _prepared(
        self, request: TensorRequest, signature: Signature, call: CallContext
    ) -> TensorRequest:
        """The request, prepared on a thread."""
        await within(call, self._slots.take())
        work = self._pool.submit(self._preparation(signature).prepared, request, call)
        when_done(work, self._slots.give)
        return await within(call, asyncio.wrap_future(work))
