"""Answers that come in parts."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from time import perf_counter_ns

from dragoman.core.errors import Code, DragomanError
from dragoman.core.responses import Chunk, TensorResponse
from dragoman.core.statistics import Run, VersionStatistics
from dragoman.repository.handle import ChunkSource
from dragoman.wire.messages import WireResponse
from dragoman.wire.operation import StreamEncoder


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

    @property
    def run(self) -> Run:
        """What its parts took together."""
        return self._sum

    def add(self, chunk: Chunk, output_ns: int) -> None:
        """Count a part that was encoded in so long a time."""
        run = chunk.run or Run()
        empty = not (chunk.outputs or chunk.payload or chunk.pieces)
        self._statistics.part(self._parts).add(run.infer_ns, output_ns, empty=empty)
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
    `as_dragoman` turns any exception into what callers may see; `finish` is called once, with the answer's
    head and the error that ended the stream or None, which it is also where the reader left before the end:
    `count` knows.
    """

    def __init__(
        self,
        chunks: ChunkSource,
        encoder: StreamEncoder,
        as_dragoman: Callable[[Exception], DragomanError],
        count: StreamCount,
        finish: Callable[[WireResponse, DragomanError | None], None],
    ) -> None:
        self.ending: WireResponse | None = None
        self._chunks = chunks
        self._encoder = encoder
        self._as_dragoman = as_dragoman
        self._count = count
        self._finish = finish
        self._first: Chunk | None = None
        self._head = WireResponse(0)
        self._open = True

    async def first(self) -> Chunk | None:
        """Wait for the first part, which stays the first to be encoded; None = there is none.

        Errors before the first part are raised, so that they can still become a plain answer.
        """
        self._first = await anext(self._chunks, None)
        return self._first

    def begin(self, first: Chunk) -> WireResponse:
        """The head of an answer whose first part is there, and still among the parts."""
        self._head = self._encoder.head(first)
        self._head.stream = self
        return self._head

    def head(self) -> WireResponse:
        """The answer's status and headers, with this object as its stream."""
        self._head = self._encoder.head(self._first)
        self._head.stream = self
        return self._head

    async def discard(self) -> None:
        """Give back what the parts hold. Nothing is counted: the answer is another's."""
        self._open = False
        await self._chunks.aclose()

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
            return await self._fail(self._as_dragoman(caught))
        self._count.complete = True
        await self._end(None)
        last = self._encoder.end()
        if last is None:
            raise StopAsyncIteration
        return last

    async def aclose(self) -> None:
        """Give everything back: the reader went away, or the stream is over."""
        await self._end(None)

    async def _fail(self, error: DragomanError) -> bytes:
        await self._end(error)
        told = self._encoder.fail(error)
        if isinstance(told, WireResponse):
            self.ending = told
            raise StopAsyncIteration
        return told

    async def _end(self, error: DragomanError | None) -> None:
        if self._open:
            self._open = False
            self._finish(self._head, error)
            await self._chunks.aclose()


async def only_part(chunks: AsyncGenerator[Chunk, None]) -> TensorResponse:
    """The answer of a model that answers in parts, where it is one part.

    Errors: UNIMPLEMENTED for none and for several, of which no more than two are made.
    """
    async with aclosing(chunks):
        part = await anext(chunks, None)
        if part is not None and await anext(chunks, None) is None:
            return TensorResponse(part.outputs, part.version, part.run)
    raise DragomanError(
        Code.UNIMPLEMENTED,
        f"the model answered with {'no' if part is None else 'more than one'} response, and this call takes "
        "exactly one; call it as a stream",
    )
