"""Streams in both directions: many messages, each a call of its own, and their answers on one way back.

1. No more than `IN_FLIGHT` messages are between being read and being answered; the next is then not read,
   and the transport's own flow control holds the client up.
2. Whole answers go out in the order of their messages, if the operation asks for that. Answers in parts go
   out part by part as they come, whatever else is waited for.
3. A part is asked for when the one before it is written. So a client that does not read costs a part of each
   stream, and no more.
4. However the stream ends, nothing of it goes on: what waits is cancelled, and every answer in parts closed.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, Final

from dragoman.core.deferred import Deferred
from dragoman.wire.messages import AnswerStream, WireRequest, WireResponse
from dragoman.wire.operation import Order, StreamOperation

IN_FLIGHT: Final = 16

Answer = WireResponse | Awaitable[WireResponse]
Call = Callable[[WireRequest], Answer]
Waited = asyncio.Future[WireResponse] | Deferred[WireResponse]


async def duplex(
    operation: StreamOperation, messages: AsyncIterator[WireRequest], call: Call
) -> AsyncGenerator[WireResponse, None]:
    """Answers to a stream of messages; an answer counts as written when the next one is asked for."""
    conversation = Conversation(call, in_order=operation.order is Order.AS_SENT)
    reading = asyncio.create_task(conversation.read(messages))
    reading.add_done_callback(conversation.stop)
    try:
        while (item := await conversation.outgoing.get()) is not None:
            answer, written = item
            yield answer
            written()
    finally:
        await conversation.end(reading)


class Turn:
    """A message's place in the order of answers, with its answer once that is there."""

    __slots__ = ("answer",)

    def __init__(self) -> None:
        self.answer: WireResponse | None = None


class Conversation:
    """What goes on between the messages of one stream and its answers.

    `outgoing` has every answer with what is to be called when it is written, then None.
    """

    def __init__(self, call: Call, *, in_order: bool) -> None:
        self.outgoing: asyncio.Queue[tuple[WireResponse, Callable[[], object]] | None] = asyncio.Queue()
        self._call = call
        self._in_order = in_order
        self._line: deque[Turn] = deque()
        self._free = asyncio.Semaphore(IN_FLIGHT)
        self._waited: dict[Turn, Waited] = {}
        self._streams: dict[asyncio.Task[None], AnswerStream] = {}
        self._failure: BaseException | None = None

    async def read(self, messages: AsyncIterator[WireRequest]) -> None:
        """Call for every message; returns when the last answer is written."""
        async for message in messages:
            await self._free.acquire()
            self._take(self._call(message))
        for _ in range(IN_FLIGHT):
            await self._free.acquire()

    def stop(self, ended: asyncio.Future[Any]) -> None:
        """There are no more answers: the reading is over, or something has failed that should not."""
        if self._failure is None and not ended.cancelled():
            self._failure = ended.exception()
        self.outgoing.put_nowait(None)

    async def end(self, reading: asyncio.Task[None]) -> None:
        """Cancel what goes on, and wait until it has given back what it held.

        Errors: that of the messages, where they broke off.
        """
        while self._waited or self._streams or not reading.done():
            await self._cancel(reading)
        if self._failure is not None:
            raise self._failure

    async def _cancel(self, reading: asyncio.Task[None]) -> None:
        waited, streams = list(self._waited.items()), list(self._streams.items())
        tasks: list[asyncio.Future[Any]] = [reading, *[task for task, _ in streams]]
        for turn, answer in waited:
            if isinstance(answer, Deferred):
                del self._waited[turn]  # it will not be told
                answer.cancel()
            else:
                tasks.append(answer)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _, stream in streams:  # a task that was cancelled before it began has not closed its own
            await stream.aclose()

    def _take(self, answer: Answer) -> None:
        """Send the answer, now or when its turn has come."""
        if isinstance(answer, WireResponse) and (answer.stream is not None or not self._line):
            self._send(answer)
            return
        turn = Turn()
        if self._in_order:
            self._line.append(turn)
        if isinstance(answer, WireResponse):
            self._settle(turn, answer)
            return
        waited = answer if isinstance(answer, Deferred) else asyncio.ensure_future(answer)
        self._waited[turn] = waited
        if isinstance(waited, Deferred):
            waited.then(partial(self._settled, turn))
        else:
            waited.add_done_callback(partial(self._settled, turn))

    def _settled(self, turn: Turn, waited: Waited) -> None:
        """What was waited for is there: an answer, unless the stream has ended meanwhile."""
        del self._waited[turn]
        if isinstance(waited, Deferred):
            self._settle(turn, waited.result())
        elif not waited.cancelled():
            if waited.exception() is not None:
                self.stop(waited)
            else:
                self._settle(turn, waited.result())

    def _settle(self, turn: Turn, answer: WireResponse) -> None:
        if not self._in_order:
            self._send(answer)
            return
        turn.answer = answer
        if answer.stream is not None:
            self._line.remove(turn)
            self._send(answer)
        while self._line and (first := self._line[0].answer) is not None:
            self._line.popleft()
            self._send(first)

    def _send(self, answer: WireResponse) -> None:
        if answer.stream is None:
            self.outgoing.put_nowait((answer, self._free.release))
            return
        task = asyncio.create_task(self._send_parts(answer.stream))
        self._streams[task] = answer.stream
        task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        """An answer in parts is over."""
        del self._streams[task]
        self._free.release()
        if not task.cancelled() and task.exception() is not None:
            self.stop(task)

    async def _send_parts(self, stream: AnswerStream) -> None:
        try:
            async for part in stream:
                await self._write(WireResponse(0, part))
            if stream.ending is not None:
                await self._write(stream.ending)
        finally:
            await stream.aclose()

    async def _write(self, answer: WireResponse) -> None:
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.outgoing.put_nowait((answer, partial(written.set_result, None)))
        await written
