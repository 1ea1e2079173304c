"""Streams in both directions: what is answered when, and that nothing is left behind."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

import pytest

from dragoman.core.requests import Verb
from dragoman.execution.later import Later
from dragoman.gateway.duplex import IN_FLIGHT, Answer, duplex
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import InferOperation, Order, StreamOperation


def unused(*_: Any) -> Any:
    raise AssertionError("a stream calls what it is given only")


MESSAGE = InferOperation("test.message", Verb.INFER, unused, unused, unused, unused)
AS_SENT = StreamOperation("test.duplex", MESSAGE, Order.AS_SENT)
AS_READY = StreamOperation("test.duplex", MESSAGE, Order.AS_READY)


def whole(text: bytes) -> WireResponse:
    return WireResponse(0, text)


class Parts:
    """An answer in parts, each of which waits until it is let go."""

    def __init__(self, *parts: bytes, ending: WireResponse | None = None, held: bool = False) -> None:
        self.ending = ending
        self.asked = 0
        self.closed = False
        self.go = asyncio.Semaphore(0 if held else len(parts) + 1)
        self._parts = list(parts)

    def __aiter__(self) -> "Parts":
        return self

    async def __anext__(self) -> bytes:
        self.asked += 1
        await self.go.acquire()
        if not self._parts:
            raise StopAsyncIteration
        if self._parts[0] == b"broken":
            raise RuntimeError("a stream has no errors, only parts")
        return self._parts.pop(0)

    async def aclose(self) -> None:
        self.closed = True


class Client:
    """The client's end of a stream; `answers` by message, made when it comes, else the message itself."""

    def __init__(
        self, operation: StreamOperation = AS_SENT, **answers: Callable[[], Answer] | Answer
    ) -> None:
        self.called: list[str] = []
        self._called = asyncio.Event()
        self._answers = answers
        self._sent: asyncio.Queue[str | Exception | None] = asyncio.Queue()
        self.stream = duplex(operation, self._messages(), self._call)

    async def reached(self, count: int) -> None:
        """Wait until so many messages were called for."""
        while len(self.called) < count:
            self._called.clear()
            await self._called.wait()

    def send(self, *messages: str | Exception | None) -> None:
        """Send messages; None = there are no more."""
        for message in messages:
            self._sent.put_nowait(message)

    async def next(self) -> bytes:
        return bytes((await anext(self.stream)).body)

    async def rest(self) -> list[bytes]:
        return [bytes(answer.body) async for answer in self.stream]

    async def _messages(self) -> AsyncIterator[WireRequest]:
        while (message := await self._sent.get()) is not None:
            if isinstance(message, Exception):
                raise message
            yield WireRequest("POST", message, "", [], b"")

    def _call(self, wire: WireRequest) -> Answer:
        self.called.append(wire.path)
        self._called.set()
        answer = self._answers.get(wire.path, whole(wire.path.encode()))
        return answer() if callable(answer) else answer


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run it; nothing may go on when it is over."""

    async def watched() -> None:
        await main
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(watched())


async def turns(count: int = 20) -> None:
    """Let everything run that can."""
    for _ in range(count):
        await asyncio.sleep(0)


def test_a_client_may_wait_for_each_answer_before_it_sends_on() -> None:
    async def main() -> None:
        later: asyncio.Future[WireResponse] = asyncio.get_running_loop().create_future()
        client = Client(b=later)
        client.send("a")
        assert await client.next() == b"a"
        client.send("b")
        reading = asyncio.ensure_future(client.next())
        await turns()
        later.set_result(whole(b"later"))
        assert await reading == b"later"
        client.send("c", None)
        assert await client.rest() == [b"c"]

    run(main())


@pytest.mark.parametrize(
    ("operation", "order"), [(AS_SENT, [b"one", b"b", b"two"]), (AS_READY, [b"b", b"two", b"one"])]
)
def test_answers_come_in_the_order_that_is_asked_for(operation: StreamOperation, order: list[bytes]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        first, third = loop.create_future(), Later[WireResponse]()
        client = Client(operation, a=first, c=third)
        client.send("a", "b", "c", None)
        reading = asyncio.ensure_future(client.rest())
        await turns()
        third.resolve(whole(b"two"))
        await turns()
        first.set_result(whole(b"one"))
        assert await reading == order

    run(main())


def test_an_answer_in_parts_waits_for_no_other_and_no_other_waits_for_it() -> None:
    async def main() -> None:
        first: asyncio.Future[WireResponse] = asyncio.get_running_loop().create_future()
        parts = Parts(b"1", b"2", held=True)
        client = Client(a=first, parts=WireResponse(0, stream=parts))
        client.send("a", "parts", "b", None)
        reading = asyncio.ensure_future(client.next())
        parts.go.release()
        assert await reading == b"1"
        first.set_result(whole(b"a"))
        assert [await client.next(), await client.next()] == [b"a", b"b"]
        parts.go.release()
        parts.go.release()
        assert await client.rest() == [b"2"]
        assert parts.closed

    run(main())


def test_an_answer_that_turns_out_to_be_in_parts_gives_its_place_in_the_order_up() -> None:
    async def main() -> None:
        first: asyncio.Future[WireResponse] = asyncio.get_running_loop().create_future()
        parts = Parts(b"1", held=True)
        client = Client(a=first)
        client.send("a", "b", None)
        reading = asyncio.ensure_future(client.next())
        await turns()
        first.set_result(WireResponse(0, stream=parts))
        assert await reading == b"b"
        parts.go.release()
        parts.go.release()
        assert await client.rest() == [b"1"]

    run(main())


def test_a_part_is_asked_for_when_the_one_before_it_is_written() -> None:
    async def main() -> None:
        parts = Parts(b"1", b"2")
        client = Client(a=WireResponse(0, stream=parts))
        client.send("a", None)
        assert await client.next() == b"1"
        await turns()
        assert parts.asked == 1
        assert await client.rest() == [b"2"]

    run(main())


def test_no_more_messages_are_read_than_may_wait_for_their_answers() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        answers = [loop.create_future() for _ in range(IN_FLIGHT)]
        client = Client(**{f"m{index}": answer for index, answer in enumerate(answers)})
        client.send(*[f"m{index}" for index in range(IN_FLIGHT + 4)], None)
        reading = asyncio.ensure_future(client.next())
        await turns(100)
        assert len(client.called) == IN_FLIGHT
        for answer in answers:
            answer.set_result(whole(b"x"))
        assert await reading == b"x"
        await turns(100)
        assert len(client.called) == IN_FLIGHT  # it is not written before the next one is asked for
        assert len(await client.rest()) == IN_FLIGHT + 3

    run(main())


def test_a_status_ends_an_answer_in_parts_where_it_has_one() -> None:
    async def main() -> None:
        client = Client(a=WireResponse(0, stream=Parts(b"1", ending=WireResponse(13, message="no"))))
        client.send("a", None)
        answers = [(answer.status, answer.body or answer.message) async for answer in client.stream]
        assert answers == [(0, b"1"), (13, "no")]

    run(main())


def test_a_client_that_breaks_off_ends_the_stream_with_its_error() -> None:
    async def main() -> None:
        parts = Parts(b"1", held=True)
        client = Client(a=WireResponse(0, stream=parts))
        client.send("a", "b", ConnectionError("gone"))
        assert await client.next() == b"b"
        with pytest.raises(ConnectionError, match="gone"):
            await client.next()
        assert parts.closed

    run(main())


def test_nothing_goes_on_when_the_client_has_gone() -> None:
    async def main() -> None:
        cancelled: list[str] = []
        parts, unread = Parts(b"1", held=True), Parts(b"2")

        async def waiting() -> WireResponse:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append("task")
                raise
            raise AssertionError

        client = Client(
            task=waiting,
            deferred=Later(lambda: cancelled.append("deferred")),
            parts=WireResponse(0, stream=parts),
            unread=WireResponse(0, stream=unread),
        )
        client.send("task", "deferred", "parts", "unread")
        assert await client.next() == b"2"
        await client.stream.aclose()
        assert sorted(cancelled) == ["deferred", "task"]
        assert parts.closed
        assert unread.closed

    run(main())


def test_an_answer_in_parts_is_closed_also_where_its_reader_never_began() -> None:
    async def main() -> None:
        parts = Parts(b"1")
        client = Client(b=WireResponse(0, stream=parts))
        client.send("a")
        assert await client.next() == b"a"
        client.send("b")
        await client.reached(2)
        await client.stream.aclose()
        assert parts.closed
        assert parts.asked == 0

    run(main())


def test_an_answer_in_parts_that_comes_when_the_client_has_gone_is_closed() -> None:
    async def main() -> None:
        parts = Parts(b"1")
        begun = asyncio.Event()

        async def stubborn() -> WireResponse:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return WireResponse(0, stream=parts)
            raise AssertionError

        client = Client(b=stubborn)
        client.send("a", "b")
        assert await client.next() == b"a"
        reading = asyncio.ensure_future(client.next())
        await begun.wait()
        reading.cancel()
        await asyncio.wait([reading])
        assert parts.closed

    run(main())


def test_a_reader_that_is_cancelled_while_it_waits_leaves_nothing_either() -> None:
    async def main() -> None:
        parts = Parts(b"1", held=True)
        client = Client(a=WireResponse(0, stream=parts))

        async def read() -> None:
            async with aclosing(client.stream) as answers:
                async for _ in answers:
                    raise AssertionError

        reading = asyncio.ensure_future(read())
        client.send("a")
        await turns()
        reading.cancel()
        await asyncio.wait([reading])
        assert parts.closed

    run(main())


def test_a_call_that_breaks_ends_the_stream_and_does_not_hang_it() -> None:
    async def broken() -> WireResponse:
        raise RuntimeError("a call has no errors, only answers")

    async def main() -> None:
        client = Client(a=broken)
        client.send("a")
        with pytest.raises(RuntimeError, match="only answers"):
            await client.next()

    run(main())


def test_parts_that_break_end_the_stream_too() -> None:
    async def main() -> None:
        parts = Parts(b"1", b"broken")
        client = Client(a=WireResponse(0, stream=parts))
        client.send("a")
        assert await client.next() == b"1"
        with pytest.raises(RuntimeError, match="only parts"):
            await client.next()
        assert parts.closed

    run(main())
