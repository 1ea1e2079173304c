"""Answers that come in parts, and streams in both directions."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from time import perf_counter_ns

from dragoman.core.errors import DragomanError
from dragoman.core.responses import Chunk
from dragoman.core.statistics import Run, VersionStatistics
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Order, StreamEncoder, StreamOperation

DUPLEX_IN_FLIGHT = 16  # messages of one stream that are answered at once; more are not read meanwhile


class StreamCount:
    """Counts the parts of one streamed answer, and at its end the request: it succeeds if it is complete."""

    def __init__(self, statistics: VersionStatistics, began_ns: int, input_ns: int) -> None:
        self.complete = False
        self._statistics = statistics
        self._began_ns = began_ns
        self._input_ns = input_ns
        self._since_ns = perf_counter_ns()  # the last part
        self._parts = 0
        self._sum = Run()
        self._output_ns = 0

    def add(self, chunk: Chunk, output_ns: int) -> None:
        """Count a part that was encoded in so long a time."""
        run = chunk.run or Run()
        self._statistics.part(self._parts).add(run.infer_ns, output_ns, empty=not chunk.outputs)
        self._parts += 1
        self._since_ns = perf_counter_ns()
        self._sum.infer_ns += run.infer_ns
        self._sum.queue_ns += run.queue_ns
        self._output_ns += output_ns

    def end(self, error: DragomanError | None, ended_ns: int) -> None:
        """Count the request."""
        statistics, run = self._statistics, self._sum
        if self.complete:
            statistics.succeed(run, self._input_ns, self._output_ns, self._began_ns, ended_ns)
            return
        part = statistics.part(self._parts)
        times = part.cancelled if error is None else part.failed
        times.add(ended_ns - self._since_ns)
        statistics.fail(ended_ns - self._began_ns)


class StreamedAnswer:
    """The encoded parts of one answer, as an iterator whose reader must call `aclose`, whatever happens.

    An object and not a generator, because closing a generator that was never begun runs none of its code.
    `as_dragoman` turns any exception into what callers may see; `finish` is called once, with the error that
    ended the stream or None, which it is also where the reader left before the end: `count` knows.
    """

    def __init__(
        self,
        chunks: AsyncGenerator[Chunk, None],
        encoder: StreamEncoder,
        as_dragoman: Callable[[Exception], DragomanError],
        count: StreamCount,
        finish: Callable[[DragomanError | None], None],
    ) -> None:
        self._chunks = chunks
        self._encoder = encoder
        self._as_dragoman = as_dragoman
        self._count = count
        self._finish = finish
        self._first: Chunk | None = None
        self._open = True

    async def head(self) -> WireResponse:
        """Wait for the first part; then the answer's status and headers, with this object as its stream.

        Errors before the first part are raised, so that they can still become a plain answer.
        """
        self._first = await anext(self._chunks, None)
        response = self._encoder.head()
        response.stream = self
        return response

    def __aiter__(self) -> "StreamedAnswer":
        return self

    async def __anext__(self) -> bytes:
        if not self._open:
            raise StopAsyncIteration
        try:
            chunk = self._first or await anext(self._chunks, None)
            self._first = None
            if chunk is not None:
                began_ns = perf_counter_ns()
                part = self._encoder.chunk(chunk)
                self._count.add(chunk, perf_counter_ns() - began_ns)
                return part
        except Exception as caught:
            error = self._as_dragoman(caught)
            await self._end(error)
            return self._encoder.fail(error)
        self._count.complete = True
        await self._end(None)
        return self._encoder.end()

    async def aclose(self) -> None:
        """Give everything back: the reader went away, or the stream is over."""
        await self._end(None)

    async def _end(self, error: DragomanError | None) -> None:
        if self._open:
            self._open = False
            self._finish(error)
            await self._chunks.aclose()


async def duplex(
    operation: StreamOperation,
    messages: AsyncIterator[WireRequest],
    call: Callable[[WireRequest], WireResponse | Awaitable[WireResponse]],
) -> AsyncGenerator[WireResponse, None]:
    """Answers to a stream of messages, each its own call, in the order that the operation asks for."""
    as_sent = operation.order is Order.AS_SENT
    running: list[asyncio.Future[WireResponse]] = []
    try:
        async for message in messages:
            running.append(asyncio.ensure_future(settled(call(message))))
            while len(running) >= DUPLEX_IN_FLIGHT or (running and running[0].done()):
                yield await take_next(running, as_sent=as_sent)
        while running:
            yield await take_next(running, as_sent=as_sent)
    finally:
        for future in running:
            future.cancel()


async def settled(answer: WireResponse | Awaitable[WireResponse]) -> WireResponse:
    """The answer, waited for where it is not there yet."""
    return answer if isinstance(answer, WireResponse) else await answer


async def take_next(running: list[asyncio.Future[WireResponse]], *, as_sent: bool) -> WireResponse:
    """The first answer in the order of the messages, or whichever is ready first."""
    if as_sent:
        await asyncio.wait(running[:1])
        return running.pop(0).result()
    done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    ready = next(future for future in running if future in done)
    running.remove(ready)
    return ready.result()
