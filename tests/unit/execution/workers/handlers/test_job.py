"""One request on its way from the line to the last part of its answer."""

import asyncio
from time import monotonic

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.responses import PayloadResponse
from dragoman.execution.deadlines import Alarm
from dragoman.execution.workers.handlers.job import MOST_UNREAD, MOST_UNREAD_BYTES, HandlerJob
from tests.unit.execution.workers.handlers.still import job


def part(body: bytes) -> PayloadResponse:
    return PayloadResponse(body)


async def read(one: HandlerJob) -> list[tuple[bytes, bool]]:
    found = []
    last = False
    while not last:
        given, last = await one.next()
        found.append((given.body, last))
    return found


def test_a_reader_gets_the_parts_as_they_come_and_knows_the_last() -> None:
    async def run() -> list[tuple[bytes, bool]]:
        one = job()
        reading = asyncio.create_task(read(one))
        one.give(part(b"a"), last=False)
        await asyncio.sleep(0)
        one.give(part(b"b"), last=True)
        return await reading

    assert asyncio.run(run()) == [(b"a", False), (b"b", True)]


def test_an_error_comes_after_the_parts_before_it_and_is_each_readers_own() -> None:
    async def run() -> None:
        one = job()
        one.give(part(b"a"), last=False)
        error = DragomanError(Code.UNAVAILABLE, "gone", status=500, retry_after_s=1.0)
        one.fail(error)
        assert await one.next() == (part(b"a"), False)
        with pytest.raises(DragomanError) as caught:
            await one.next()
        assert caught.value is not error
        assert (caught.value.code, caught.value.status, caught.value.retry_after_s) == (error.code, 500, 1.0)

    asyncio.run(run())


def test_nothing_fails_an_answer_that_is_complete() -> None:
    async def run() -> list[tuple[bytes, bool]]:
        one = job()
        one.give(part(b"a"), last=True)
        one.fail(DragomanError(Code.UNAVAILABLE, "gone"))
        return await read(one)

    assert asyncio.run(run()) == [(b"a", True)]


def test_a_reader_whose_time_is_over_is_told_so() -> None:
    async def run() -> None:
        one = job()
        one.call.deadline_s = monotonic() - 1
        with pytest.raises(DragomanError) as caught:
            await one.next()
        assert caught.value.code is Code.DEADLINE_EXCEEDED

    asyncio.run(run())


@pytest.mark.parametrize("parts", [[b""] * (MOST_UNREAD + 1), [b"x" * (MOST_UNREAD_BYTES + 1)]])
def test_a_handler_waits_for_a_reader_that_is_slower(parts: list[bytes]) -> None:
    async def run() -> None:
        one = job()
        for body in parts:
            one.give(part(body), last=False)
        waiting = asyncio.create_task(one.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        await one.next()
        await waiting

    asyncio.run(run())


def test_nobody_waits_for_a_reader_who_has_left() -> None:
    async def run() -> None:
        one = job()
        one.give(part(b"x" * (MOST_UNREAD_BYTES + 1)), last=False)
        waiting = asyncio.create_task(one.room())
        await asyncio.sleep(0)
        one.leave()
        await waiting
        one.give(part(b"x" * (MOST_UNREAD_BYTES + 1)), last=False)
        await one.room()

    asyncio.run(run())


async def first_of(one: HandlerJob) -> tuple[bytes, bool]:
    given, last = await one.first(Alarm(), lambda: None)
    return given.body, last


@pytest.mark.parametrize("last", [True, False])
def test_the_first_part_is_told_at_once_to_who_asked_for_it(last: bool) -> None:
    async def run() -> list[tuple[bytes, bool]]:
        one = job()
        found: list[tuple[bytes, bool]] = []
        first = one.first(Alarm(), lambda: None)
        first.then(lambda done: found.append((done.result()[0].body, done.result()[1])))
        one.give(part(b"a"), last=last)
        return found

    assert asyncio.run(run()) == [(b"a", last)]


def test_the_parts_behind_the_first_are_read_as_they_come() -> None:
    async def run() -> list[tuple[bytes, bool]]:
        one = job()
        reading = asyncio.create_task(first_of(one))
        await asyncio.sleep(0)
        one.give(part(b"a"), last=False)
        one.give(part(b"b"), last=True)
        return [await reading, *await read(one)]

    assert asyncio.run(run()) == [(b"a", False), (b"b", True)]


def test_who_asked_for_the_first_part_is_told_what_ended_it_before() -> None:
    async def run() -> None:
        one = job()
        first = one.first(Alarm(), lambda: None)
        error = DragomanError(Code.UNAVAILABLE, "gone", status=500)
        one.fail(error)
        with pytest.raises(DragomanError) as caught:
            await first
        assert caught.value is not error
        assert (caught.value.code, caught.value.status) == (error.code, 500)

    asyncio.run(run())


def test_who_waits_too_long_for_the_first_part_is_told_so_and_leaves() -> None:
    async def run() -> list[HandlerJob]:
        one = job()
        left: list[HandlerJob] = []
        one.call.deadline_s = monotonic() - 1
        with pytest.raises(DragomanError) as caught:
            await one.first(Alarm(), lambda: left.append(one))
        assert (caught.value.code, one.call.cancelled) == (Code.DEADLINE_EXCEEDED, True)
        return left

    assert len(asyncio.run(run())) == 1


def test_who_gives_up_before_the_first_part_leaves() -> None:
    async def run() -> list[HandlerJob]:
        one = job()
        left: list[HandlerJob] = []
        one.first(Alarm(), lambda: left.append(one)).cancel()
        assert one.call.cancelled
        return left

    assert len(asyncio.run(run())) == 1
