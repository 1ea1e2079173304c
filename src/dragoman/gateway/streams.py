"""Calls whose answers come in parts: how they begin. `StreamedAnswer` is the rest of them."""

from functools import partial
from time import monotonic, perf_counter_ns

from dragoman.core.errors import DragomanError
from dragoman.core.requests import CoreRequest
from dragoman.core.responses import Chunk, PayloadResponse
from dragoman.core.signatures import Signature
from dragoman.gateway.ending import Ending
from dragoman.gateway.exchange import Exchange
from dragoman.gateway.streaming import StreamCount, StreamedAnswer
from dragoman.repository.handle import BegunParts, ChunkSource, Handle
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireResponse
from dragoman.wire.operation import InferOperation, StreamEncoder


class Streams:
    """Begins streamed answers."""

    def __init__(self, limits: Limits, ending: Ending) -> None:
        self._limits = limits
        self._ending = ending

    def stream(
        self,
        exchange: Exchange,
        handle: Handle,
        request: CoreRequest,
        signature: Signature,
        encoder: StreamEncoder,
    ) -> StreamedAnswer:
        """A streamed answer, which may take `limits.stream_s` in all. Once begun it takes the pin over."""
        exchange.call.deadline_s = self.deadline_s()
        chunks = handle.runner.stream(handle, request, signature, exchange.call)
        return self.streamed(exchange, handle, chunks, encoder)

    def deadline_s(self) -> float | None:
        """Until when a streamed answer that begins now may take; None = as long as it likes."""
        longest_s = self._limits.stream_s
        return monotonic() + longest_s if longest_s else None

    def streamed(
        self, exchange: Exchange, handle: Handle, chunks: ChunkSource, encoder: StreamEncoder
    ) -> StreamedAnswer:
        """An answer of these parts. Once begun it takes the pin over."""
        count = StreamCount(handle.statistics, exchange.began_ns, exchange.input_ns)

        def finish(head: WireResponse, error: DragomanError | None) -> None:
            ended_ns = perf_counter_ns()
            count.end(error, ended_ns)
            exchange.run = count.run
            handle.release()
            self._ending.recorder.done(exchange, head, error, ended_ns)

        as_dragoman = partial(self._ending.recorder.as_dragoman, call=exchange.call)
        return StreamedAnswer(chunks, encoder, as_dragoman, count, finish)

    async def begin(
        self, operation: InferOperation, exchange: Exchange, stream: StreamedAnswer
    ) -> WireResponse:
        """The head of a streamed answer, whose first part is there.

        A payload that is the first part and the last is a whole answer.
        """
        try:
            first = await stream.first()
            if first is not None and first.last and (payload := first.payload) is not None:
                await stream.discard()
                payload.run, payload.version = first.run, first.version
                return self._ending.answered(operation, exchange, payload)
            head = stream.head()
        except Exception as caught:
            return self._ending.fail(operation, exchange, caught)
        self._ending.recorder.tell(exchange, head)
        exchange.give_away()
        return head

    def begin_parts(
        self, exchange: Exchange, stream: StreamedAnswer, first: PayloadResponse, parts: BegunParts
    ) -> WireResponse:
        """The head of an answer of several parts, of which the first is there."""
        try:
            head = stream.begin(Chunk(payload=first))
        except Exception:
            parts.close()
            raise
        self._ending.recorder.tell(exchange, head)
        exchange.give_away()
        return head

    def begin_at_once(self, exchange: Exchange, stream: StreamedAnswer) -> WireResponse:
        """The head of a streamed answer, whatever becomes of its first part."""
        head = stream.head()
        self._ending.recorder.tell(exchange, head)
        exchange.give_away()
        return head
