"""Requests in line for the workers of one handler, and how they become batches.

A free worker takes the first request that waits, and then as many more as come within the delay, up to the
size of a batch. While a batch fills, requests go to it, not to another free worker. One that must be alone
never shares a batch.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.execution.workers.handlers.job import HandlerJob
from dragoman.execution.workers.worker import Slot

Begin = Callable[[Slot, list[HandlerJob]], None]
RETRY_S: Final = 1.0


class Filling(Struct):
    """A batch that waits for more requests."""

    slot: Slot
    jobs: list[HandlerJob]
    timer: asyncio.TimerHandle


class Line:
    """For the event loop's thread only. `begin` is given each batch with the slot that is to answer it."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, size: int, delay_s: float, limit: int, begin: Begin
    ) -> None:
        self._loop = loop
        self._size = size
        self._delay_s = delay_s
        self._limit = limit
        self._begin = begin
        self._waiting: deque[HandlerJob] = deque()
        self._idle: deque[Slot] = deque()
        self._filling: list[Filling] = []

    @property
    def waiting(self) -> int:
        """How many requests no worker has taken."""
        return len(self._waiting)

    @property
    def oldest(self) -> HandlerJob | None:
        """The one that has waited longest for a worker."""
        return self._waiting[0] if self._waiting else None

    def add(self, job: HandlerJob, title: str) -> None:
        """Put a request in line.

        Errors: RESOURCE_EXHAUSTED with reason QUEUE_FULL, naming `title`.
        """
        if self._filling and not job.alone and not self._waiting:
            self._join(self._filling[0], job)
        elif self._idle:
            self._open(self._idle.popleft(), job)
        elif len(self._waiting) >= self._limit:
            raise DragomanError(
                Code.RESOURCE_EXHAUSTED,
                f"the queue of {title} is full ({self._limit} requests wait)",
                reason=Reason.QUEUE_FULL,
                retry_after_s=RETRY_S,
            )
        else:
            self._waiting.append(job)

    def free(self, slot: Slot) -> None:
        """Give a slot the next request, or let it wait for one."""
        job = self._next()
        if job is None:
            self._idle.append(slot)
        else:
            self._open(slot, job)

    def forget(self, slot: Slot) -> None:
        """The worker is gone. What waited there to become a batch goes back to the head of the line."""
        if slot in self._idle:
            self._idle.remove(slot)
        for filling in [each for each in self._filling if each.slot is slot]:
            filling.timer.cancel()
            self._filling.remove(filling)
            self._waiting.extendleft(reversed(filling.jobs))
        while self._idle and (job := self._next()) is not None:
            self._open(self._idle.popleft(), job)

    def refuse(self, error: DragomanError) -> None:
        """Answer all that wait with an error."""
        while self._waiting:
            self._waiting.popleft().fail(error)

    def _next(self) -> HandlerJob | None:
        while self._waiting:
            job = self._waiting.popleft()
            if not job.left:
                return job
        return None

    def _open(self, slot: Slot, job: HandlerJob) -> None:
        """Begin a batch with this request, and those in line that may share it."""
        jobs = [job]
        while not job.alone and len(jobs) < self._size and self._waiting and not self._waiting[0].alone:
            following = self._waiting.popleft()
            if not following.left:
                jobs.append(following)
        if job.alone or len(jobs) == self._size or not self._delay_s:
            self._begin(slot, jobs)
            return
        timer = self._loop.call_later(self._delay_s, self._send, slot)
        self._filling.append(Filling(slot, jobs, timer))

    def _join(self, filling: Filling, job: HandlerJob) -> None:
        filling.jobs.append(job)
        if len(filling.jobs) == self._size:
            filling.timer.cancel()
            self._send(filling.slot)

    def _send(self, slot: Slot) -> None:
        filling = next(each for each in self._filling if each.slot is slot)
        self._filling.remove(filling)
        self._begin(slot, filling.jobs)
