"""Jobs are done on threads, and told of on the loop."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from dragoman.execution.crew import LONGEST_S, Crew


class Noted:
    """A job that notes where it is."""

    def __init__(self, act: Callable[[], object] = lambda: None) -> None:
        self.act = act
        self.worked_on = ""
        self.finished = asyncio.Event()
        self.finished_on = 0

    def work(self) -> None:
        self.worked_on = threading.current_thread().name
        self.act()

    def finish(self) -> None:
        self.finished_on = threading.get_ident()
        self.finished.set()


def test_jobs_are_done_in_order_on_threads_and_told_of_on_the_loop() -> None:
    done: list[int] = []

    async def all_of_them() -> list[Noted]:
        crew = Crew(1, "crew")
        jobs = [Noted(lambda number=number: done.append(number)) for number in range(20)]
        for job in jobs:
            crew.do(job)
        assert crew.unfinished == 20
        for job in jobs:
            await job.finished.wait()
        assert crew.unfinished == 0
        crew.close()
        return jobs

    jobs = asyncio.run(all_of_them())
    assert done == list(range(20))
    assert {job.worked_on for job in jobs} == {"crew-1"}
    assert {job.finished_on for job in jobs} == {threading.get_ident()}


def test_there_are_no_more_threads_than_jobs_at_once_and_than_are_allowed() -> None:
    barrier = threading.Barrier(2)

    async def crowd() -> tuple[set[str], set[str]]:
        crew = Crew(2, "crew")
        alone = [Noted() for _ in range(3)]
        for job in alone:
            crew.do(job)
            await job.finished.wait()
        together = [Noted(lambda: barrier.wait(30)) for _ in range(4)]
        for job in together:
            crew.do(job)
        for job in together:
            await job.finished.wait()
        crew.close()
        return {job.worked_on for job in alone}, {job.worked_on for job in together}

    alone, together = asyncio.run(crowd())
    assert alone == {"crew-1"}
    assert together == {"crew-1", "crew-2"}


def test_a_job_that_is_done_is_told_of_while_a_long_one_holds_the_thread() -> None:
    opened = threading.Event()

    async def short_then_long() -> list[bool]:
        crew = Crew(1, "patient")
        jobs = [Noted(), Noted(), Noted(lambda: opened.wait(30)), Noted()]
        for job in jobs:
            crew.do(job)
        for job in jobs[:2]:
            await asyncio.wait_for(job.finished.wait(), 30)
        told = [job.finished.is_set() for job in jobs]
        opened.set()
        for job in jobs[2:]:
            await asyncio.wait_for(job.finished.wait(), 30)
        crew.close()
        return told

    assert asyncio.run(short_then_long()) == [True, True, False, False]


def test_the_loop_stops_looking_once_nothing_is_left_and_looks_again_for_what_comes_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def twice() -> None:
        loop = asyncio.get_running_loop()
        looks: list[float] = []
        later = loop.call_later

        def noted(delay: float, callback: Any, *given: Any, **named: Any) -> asyncio.TimerHandle:
            looks.extend([delay] if delay == LONGEST_S else [])
            return later(delay, callback, *given, **named)

        monkeypatch.setattr(loop, "call_later", noted)
        crew = Crew(1, "again")
        for time in (1, 2):
            jobs = [Noted() for _ in range(3)]
            for job in jobs:
                crew.do(job)
            for job in jobs:
                await asyncio.wait_for(job.finished.wait(), 30)
            await asyncio.sleep(3 * LONGEST_S)
            looked = len(looks)
            assert looked >= time
            await asyncio.sleep(3 * LONGEST_S)
            assert len(looks) == looked
        crew.close()

    asyncio.run(twice())


def ended(name: str) -> bool:
    """Whether all threads of a crew have ended, after a while at most."""
    threads = [thread for thread in threading.enumerate() if thread.name.startswith(name)]
    for thread in threads:
        thread.join(30)
    return not any(thread.is_alive() for thread in threads)


def test_what_waits_when_it_is_closed_is_done_before_the_threads_end() -> None:
    opened = threading.Event()

    async def closed() -> None:
        crew = Crew(1, "closed")
        held, waiting = Noted(lambda: opened.wait(30)), Noted()
        crew.do(held)
        crew.do(waiting)
        crew.close()
        opened.set()
        await waiting.finished.wait()

    asyncio.run(closed())
    assert ended("closed")


def test_a_thread_outlives_the_loop_that_asked_without_a_word() -> None:
    opened, worked = threading.Event(), threading.Event()

    async def gone() -> Crew:
        crew = Crew(1, "orphaned")
        crew.do(Noted(lambda: opened.wait(30)))
        crew.do(Noted(worked.set))
        return crew

    crew = asyncio.run(gone())
    opened.set()
    assert worked.wait(30)
    crew.close()
    assert ended("orphaned")
