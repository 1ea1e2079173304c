"""More workers while requests wait, fewer while some are idle. Nothing here starts a process."""

import asyncio

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.status import WorkerState
from dragoman.engines.base import Artifact
from dragoman.execution.workers.frames import Load
from dragoman.execution.workers.handlers.line import Line, Rules
from dragoman.execution.workers.handlers.plan import Pace
from dragoman.execution.workers.handlers.post import Held, Post, Terms
from dragoman.execution.workers.handlers.scaling import AFTER_FAILURE_S, Scaling
from dragoman.execution.workers.handlers.staff import Staff
from dragoman.execution.workers.handlers.workplace import Workplace
from dragoman.execution.workers.worker import Slot
from tests.unit.execution.workers.handlers.staffed import quiet
from tests.unit.execution.workers.handlers.still import Hands, IdleWorker, job

pytest.fixture(autouse=True)(quiet)

FAILURE = DragomanError(Code.INTERNAL, "it does not load")


class PaperPost(Post):
    """A post whose worker is there when the test says so."""

    def open(self, first: Held | None = None) -> None:
        self.changed()

    def load_up(self) -> None:
        self._worker = IdleWorker()
        self.state = WorkerState.READY
        self.changed()
        self._reports.freed(self._worker.slots[0])

    def fail(self) -> None:
        self.state, self.failure = WorkerState.DOWN, FAILURE
        self.changed()

    def changed(self) -> None:
        self._reports.changed()

    async def leave(self, grace_s: float) -> None:
        if self._worker is not None:
            self._reports.gone(self._worker)


class PaperStaff(Staff):
    """Posts without processes."""

    posts: list[PaperPost]

    def add(self, worker: Held | None = None) -> None:
        post = PaperPost(len(self.posts), self.load, self._terms, self._reports)
        self.posts.append(post)
        post.open()


class Office:
    """A handler with its workers, and a clock that the test moves."""

    def __init__(self, minimum: int, maximum: int) -> None:
        self.hands = Hands()
        self.slots: list[Slot] = []
        self.line = Line("m", Rules(), self.hands.clock, lambda slot, jobs: self.slots.append(slot))
        terms = Terms(Workplace(), (), 1.0, 1.0, self.hands.clock)
        load = Load("", Artifact("", "m", 1), {})
        self.staff = PaperStaff(load, terms, self.line, FAILURE)
        self.scaling = Scaling(self.staff, self.line, Pace(0.25, 64.0), self.hands.clock)
        self.staff.changed = self.scaling.changed
        self.staff.scale(minimum, maximum)
        for post in self.staff.posts:
            post.load_up()

    def come(self) -> None:
        self.line.add(job(since_s=self.hands.now_s))
        if self.line.waiting:
            self.scaling.waiting()

    @property
    def count(self) -> int:
        return len(self.staff.posts)


def test_a_request_that_has_waited_long_enough_brings_one_more() -> None:
    office = Office(1, 3)
    office.come()
    office.come()
    office.hands.move(0.2)
    assert office.count == 1
    office.hands.move(0.05)
    assert office.count == 2


def test_the_next_comes_only_once_the_last_has_loaded() -> None:
    office = Office(1, 3)
    for _ in range(3):
        office.come()
    office.hands.move(10)
    assert office.count == 2
    office.staff.posts[-1].load_up()
    office.hands.move(0.25)
    assert office.count == 3


def test_there_are_never_more_than_there_may_be() -> None:
    office = Office(1, 2)
    for _ in range(4):
        office.come()
    for _ in range(3):
        office.hands.move(1)
        office.staff.posts[-1].load_up()
    assert office.count == 2


def test_requests_that_are_taken_in_time_bring_none() -> None:
    office = Office(1, 2)
    office.come()
    office.come()
    office.hands.move(0.2)
    office.line.free(office.slots[0])
    office.hands.move(10)
    assert office.count == 1


def test_one_goes_after_not_all_were_needed_for_long_enough() -> None:
    async def run() -> None:
        office = Office(1, 3)
        office.come()
        office.come()
        office.hands.move(0.25)
        office.staff.posts[-1].load_up()
        first, second = office.slots
        office.line.free(first)
        office.hands.move(63)
        assert office.count == 2
        office.hands.move(2)
        assert [post.worker for post in office.staff.posts] == [second.worker]
        await office.staff.left()
        office.hands.move(1000)
        assert office.count == 1

    asyncio.run(run())


def test_while_all_are_needed_now_and_then_none_goes() -> None:
    office = Office(1, 2)
    office.come()
    office.come()
    office.hands.move(0.25)
    office.staff.posts[-1].load_up()
    for _ in range(10):
        for slot in office.slots:
            office.line.free(slot)
        office.slots.clear()
        office.hands.move(40)
        office.come()
        office.come()
    assert office.count == 2


def test_one_that_was_added_and_does_not_load_goes_and_none_is_added_for_a_while() -> None:
    async def run() -> None:
        office = Office(1, 2)
        office.come()
        office.come()
        office.hands.move(0.25)
        office.staff.posts[-1].fail()
        assert office.count == 1
        office.hands.move(AFTER_FAILURE_S - 1)
        assert office.count == 1
        office.hands.move(2)
        assert office.count == 2
        await office.staff.left()

    asyncio.run(run())


def test_one_that_has_to_be_there_stays_though_it_does_not_load() -> None:
    office = Office(1, 2)
    office.staff.posts[0].fail()
    assert office.count == 1


def test_nothing_happens_after_the_end() -> None:
    office = Office(1, 2)
    office.come()
    office.come()
    office.scaling.stop()
    office.hands.move(1000)
    assert office.count == 1
