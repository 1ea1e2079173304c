"""Requests in line for the workers of one handler, and how they become batches.

A free worker takes the first request that waits, and then as many more as come within the delay, up to the
size of a batch. While a batch fills, requests go to it, not to another free worker. One that must be alone
never shares a batch, nor do requests whose bodies do not fit the memory together. Of workers that take
several batches at once, the one with the most free places is next.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.execution.workers.handlers.clock import Clock, Timer
from dragoman.execution.workers.handlers.job import HandlerJob
from dragoman.execution.workers.memory import SLOT_BYTES
from dragoman.execution.workers.worker import Slot, Worker

Begin = Callable[[Slot, list[HandlerJob]], None]
RETRY_S: Final = 1.0
MOST_BYTES: Final = SLOT_BYTES // 2  # of the bodies in one batch, where it holds more than one


class Rules(Struct, frozen=True):
    """How large a batch may become and how long it waits for that; how many requests may wait."""

    size: int = 1
    delay_s: float = 0.1
    limit: int = 100


class Filling:
    """A batch that waits for more requests."""

    __slots__ = ("body_bytes", "jobs", "slot", "timer")

    def __init__(self, slot: Slot, jobs: list[HandlerJob], timer: Timer) -> None:
        self.slot = slot
        self.jobs = jobs
        self.timer = timer
        self.body_bytes = sum(job.body_bytes for job in jobs)


class Line:
    """For the event loop's thread only. `begin` is given each batch with the slot that is to answer it."""

    def __init__(self, title: str, rules: Rules, clock: Clock, begin: Begin) -> None:
        self._title = title
        self._rules = rules
        self._clock = clock
        self._begin = begin
        self._waiting: OrderedDict[HandlerJob, None] = OrderedDict()
        self._idle: dict[Worker, list[Slot]] = {}
        self._filling: list[Filling] = []
        self.idle_since_s: float | None = None  # since when there is always a worker that waits

    @property
    def waiting(self) -> int:
        """How many requests no worker has taken."""
        return len(self._waiting)

    @property
    def oldest_since_s(self) -> float | None:
        """When the one came that has waited longest for a worker; None = none waits."""
        return next((job.since_s for job in self._waiting), None)

    def is_idle(self, worker: Worker) -> bool:
        """Whether this worker has nothing to do at all."""
        return len(self._idle.get(worker, ())) == len(worker.slots) > 0

    def add(self, job: HandlerJob) -> None:
        """Put a request in line.

        Errors: RESOURCE_EXHAUSTED with reason QUEUE_FULL.
        """
        filling = None if job.alone else self._with_room(job)
        if filling is not None:
            self._join(filling, job)
        elif self._idle:
            self._open(self._take_slot(), job)
        elif len(self._waiting) >= self._rules.limit:
            raise DragomanError(
                Code.RESOURCE_EXHAUSTED,
                f"the queue of {self._title} is full ({self._rules.limit} requests wait)",
                reason=Reason.QUEUE_FULL,
                retry_after_s=RETRY_S,
            )
        else:
            self._waiting[job] = None

    def leave(self, job: HandlerJob) -> None:
        """Nobody waits for this request any more; its place in line is free."""
        job.leave()
        self._waiting.pop(job, None)

    def free(self, slot: Slot) -> None:
        """Give a slot the next request, or let it wait for one."""
        if self._waiting:
            self._open(slot, self._waiting.popitem(last=False)[0])
        else:
            if not self._idle:
                self.idle_since_s = self._clock.now_s()
            self._idle.setdefault(slot.worker, []).append(slot)

    def forget(self, worker: Worker) -> None:
        """The worker takes no more. What waited there to become a batch goes back to the head of the line."""
        self._idle.pop(worker, None)
        self._note_none_idle()
        for filling in [each for each in self._filling if each.slot.worker is worker]:
            filling.timer.cancel()
            self._filling.remove(filling)
            for job in reversed(filling.jobs):
                if not job.left:
                    self._waiting[job] = None
                    self._waiting.move_to_end(job, last=False)
        while self._idle and self._waiting:
            self._open(self._take_slot(), self._waiting.popitem(last=False)[0])

    def refuse(self, error: DragomanError) -> None:
        """Answer all that wait with an error."""
        while self._waiting:
            self._waiting.popitem(last=False)[0].fail(error)

    def _take_slot(self) -> Slot:
        idle = self._idle
        worker = next(iter(idle)) if len(idle) == 1 else max(idle, key=lambda one: len(idle[one]))
        slot = idle[worker].pop()
        if not idle[worker]:
            del idle[worker]
            self._note_none_idle()
        return slot

    def _note_none_idle(self) -> None:
        if not self._idle:
            self.idle_since_s = None

    def _open(self, slot: Slot, job: HandlerJob) -> None:
        """Begin a batch with this request, and those in line that may share it."""
        jobs = [job]
        if job.alone or self._rules.size == 1:
            self._begin(slot, jobs)
            return
        body_bytes = job.body_bytes
        while len(jobs) < self._rules.size and self._waiting:
            following = next(iter(self._waiting))
            body_bytes += following.body_bytes
            if following.alone or body_bytes > MOST_BYTES:
                break
            del self._waiting[following]
            jobs.append(following)
        if len(jobs) == self._rules.size or self._waiting or not self._rules.delay_s:
            self._begin(slot, jobs)
            return
        timer = self._clock.later(self._rules.delay_s, lambda: self._send(filling))
        filling = Filling(slot, jobs, timer)
        self._filling.append(filling)

    def _with_room(self, job: HandlerJob) -> Filling | None:
        """The batch that a request may join."""
        return next((one for one in self._filling if one.body_bytes + job.body_bytes <= MOST_BYTES), None)

    def _join(self, filling: Filling, job: HandlerJob) -> None:
        filling.jobs.append(job)
        filling.body_bytes += job.body_bytes
        if len(filling.jobs) == self._rules.size:
            filling.timer.cancel()
            self._send(filling)

    def _send(self, filling: Filling) -> None:
        self._filling.remove(filling)
        jobs = [job for job in filling.jobs if not job.left]
        if jobs:
            self._begin(filling.slot, jobs)
        else:
            self.free(filling.slot)
