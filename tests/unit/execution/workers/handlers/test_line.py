"""Requests in line, and the batches they become."""

import pytest

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.execution.workers.handlers.job import HandlerJob
from dragoman.execution.workers.handlers.line import MOST_BYTES, Line, Rules
from dragoman.execution.workers.worker import Slot
from tests.unit.execution.workers.handlers.still import Hands, IdleWorker, job


class Queue:
    """A line, and the batches that have begun."""

    def __init__(self, size: int = 1, delay_s: float = 0.1, limit: int = 100) -> None:
        self.begun: list[tuple[Slot, list[HandlerJob]]] = []
        self.hands = Hands()
        self.line = Line(
            "model m version 1",
            Rules(size, delay_s, limit),
            self.hands.clock,
            lambda slot, jobs: self.begun.append((slot, jobs)),
        )

    def hire(self, worker: IdleWorker) -> IdleWorker:
        for slot in worker.slots:
            self.line.free(slot)
        return worker

    def come(self, *bodies: str) -> list[HandlerJob]:
        jobs = [job(body) for body in bodies]
        for one in jobs:
            self.line.add(one)
        return jobs

    @property
    def batches(self) -> list[str]:
        return ["".join(job.call.request_id for job in jobs) for _, jobs in self.begun]


def test_a_free_worker_takes_a_request_at_once() -> None:
    queue = Queue()
    queue.hire(IdleWorker())
    queue.come("a")
    assert queue.batches == ["a"]


def test_requests_wait_in_the_order_in_which_they_come() -> None:
    queue = Queue()
    queue.come("a", "b", "c")
    worker = queue.hire(IdleWorker())
    queue.line.free(worker.slots[0])
    assert (queue.batches, queue.line.waiting) == (["a", "b"], 1)


def test_a_batch_begins_as_soon_as_it_is_full() -> None:
    queue = Queue(size=2)
    queue.hire(IdleWorker())
    queue.come("a", "b", "c")
    assert (queue.batches, queue.line.waiting) == (["ab"], 1)


def test_a_batch_begins_when_it_has_waited_long_enough() -> None:
    queue = Queue(size=3, delay_s=0.5)
    queue.hire(IdleWorker())
    queue.come("a")
    queue.hands.move(0.25)
    queue.come("b")
    assert queue.batches == []
    queue.hands.move(0.25)
    assert queue.batches == ["ab"]


def test_without_a_delay_a_batch_holds_what_waits_already() -> None:
    queue = Queue(size=3, delay_s=0.0)
    queue.come("a", "b")
    queue.hire(IdleWorker())
    queue.come("c")
    assert queue.batches == ["ab"]


def test_while_a_batch_fills_other_workers_stay_free() -> None:
    queue = Queue(size=2)
    queue.hire(IdleWorker())
    queue.hire(IdleWorker())
    queue.come("a", "b")
    assert queue.batches == ["ab"]
    assert queue.line.idle_since_s is not None


@pytest.mark.parametrize("alone", [job("d", describe="True"), job("d", envelope="kserve")])
def test_one_that_must_be_alone_shares_no_batch(alone: HandlerJob) -> None:
    queue = Queue(size=2)
    queue.come("a")
    queue.line.add(alone)
    queue.come("b")
    worker = queue.hire(IdleWorker())
    assert queue.batches == ["a"]
    queue.line.free(worker.slots[0])
    assert queue.batches == ["a", "d"]


def test_one_that_must_be_alone_and_finds_no_worker_keeps_no_batch_from_filling() -> None:
    queue = Queue(size=2)
    queue.hire(IdleWorker())
    queue.come("a")
    queue.line.add(job("d", describe="True"))
    queue.come("b")
    assert queue.batches == ["ab"]


def test_bodies_that_do_not_fit_the_memory_together_share_no_batch() -> None:
    queue = Queue(size=3)
    large = [job(name) for name in "abc"]
    for one in large:
        one.body_bytes = MOST_BYTES // 2
        queue.line.add(one)
    queue.hire(IdleWorker())
    assert (queue.batches, queue.line.waiting) == (["ab"], 1)


def test_a_full_line_takes_no_more() -> None:
    queue = Queue(limit=2)
    queue.come("a", "b")
    with pytest.raises(DragomanError) as caught:
        queue.come("c")
    assert (caught.value.code, caught.value.reason) == (Code.RESOURCE_EXHAUSTED, Reason.QUEUE_FULL)


def test_whoever_leaves_the_line_makes_room() -> None:
    queue = Queue(limit=2)
    jobs = queue.come("a", "b")
    queue.line.leave(jobs[0])
    queue.come("c")
    queue.hire(IdleWorker())
    assert queue.batches == ["b"]


def test_a_batch_that_everybody_has_left_is_not_run() -> None:
    queue = Queue(size=2)
    queue.hire(IdleWorker())
    queue.line.leave(queue.come("a")[0])
    queue.hands.move(1)
    assert queue.batches == []
    assert queue.line.idle_since_s is not None


def test_what_waited_with_a_worker_that_ends_goes_to_the_head_of_the_line() -> None:
    queue = Queue(size=3)
    worker = queue.hire(IdleWorker())
    left, _ = queue.come("a", "b")
    queue.line.add(job("d", describe="True"))
    queue.line.leave(left)
    queue.line.forget(worker)
    queue.hands.move(1)
    assert queue.batches == []
    queue.hire(IdleWorker())
    assert (queue.batches, queue.line.waiting) == (["b"], 1)


def test_what_waited_with_a_worker_that_ends_goes_to_another_that_is_free() -> None:
    queue = Queue(size=3)
    first, second = queue.hire(IdleWorker()), queue.hire(IdleWorker())
    queue.come("a")
    queue.line.forget(first)
    queue.hands.move(1)
    assert [(slot.worker, len(jobs)) for slot, jobs in queue.begun] == [(second, 1)]


def test_a_worker_that_ended_is_given_nothing() -> None:
    queue = Queue()
    queue.line.forget(queue.hire(IdleWorker()))
    queue.come("a")
    assert (queue.batches, queue.line.waiting) == ([], 1)


def test_of_workers_with_several_places_the_one_with_most_free_is_next() -> None:
    queue = Queue()
    first, second = queue.hire(IdleWorker(3)), queue.hire(IdleWorker(2))
    queue.come("a", "b", "c", "d")
    assert [slot.worker for slot, _ in queue.begun] == [first, first, second, first]


def test_a_worker_idles_only_if_all_its_places_are_free() -> None:
    queue = Queue()
    worker = queue.hire(IdleWorker(2))
    assert queue.line.is_idle(worker)
    queue.come("a")
    assert not queue.line.is_idle(worker)


def test_the_one_that_has_waited_longest_is_known() -> None:
    queue = Queue()
    assert queue.line.oldest_since_s is None
    queue.line.add(job("a", since_s=3.0))
    queue.line.add(job("b", since_s=5.0))
    assert queue.line.oldest_since_s == 3.0


def test_all_that_wait_can_be_refused() -> None:
    queue = Queue()
    jobs = queue.come("a", "b")
    queue.line.refuse(DragomanError(Code.UNAVAILABLE, "no"))
    queue.hire(IdleWorker())
    assert (queue.batches, queue.line.waiting) == ([], 0)
    assert all(one._error is not None for one in jobs)
