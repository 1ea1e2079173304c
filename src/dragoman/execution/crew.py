"""Threads that work for the event loop.

A hop to a thread and back costs a lock, a wake-up and a turn of the loop each way, whatever is done there.
This is as little of it as possible: no future, and one turn of the loop for all jobs that are done by then.
While jobs wait for a thread the loop is not woken for each that is done, but for every fourth: on one core it
finds cold caches each time, and takes a fifth less for four together. None waits longer for that than 8 ms.
"""

from asyncio import AbstractEventLoop, get_running_loop
from collections import deque
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Final, Protocol

TOGETHER: Final = 4  # jobs that are told of in one go, where more wait to be done
LONGEST_S: Final = 0.008  # the longest that a job which is done waits for others


class Job(Protocol):
    """Something to be done on a thread."""

    def work(self) -> None:
        """Do it, on a thread. It must not raise."""

    def finish(self) -> None:
        """Tell what came of it, on the event loop's thread. It must not raise."""


class Crew:
    """Up to so many threads, started as they are needed. For the event loop's thread only."""

    def __init__(self, threads: int, name: str) -> None:
        self._most = threads
        self._name = name
        self._threads = 0
        self.unfinished = 0  # jobs that wait or are being done
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._done: deque[Job] = deque()
        self._told = False  # whether the loop is going to look
        self._looking = False  # whether it looks again and again, whoever tells

    def do(self, job: Job) -> None:
        """Do this after all jobs that came before."""
        self.unfinished += 1
        if self._threads < min(self.unfinished, self._most):
            self._threads += 1
            name = f"{self._name}-{self._threads}"
            Thread(target=self._work, args=(get_running_loop(),), name=name, daemon=True).start()
        self._jobs.put(job)
        if not self._looking:
            self._looking = True
            get_running_loop().call_later(LONGEST_S, self._look)
        elif self._done and not self._told:  # the loop is awake as it is
            self._told = True
            get_running_loop().call_soon(self._finish)

    def close(self) -> None:
        """Let the threads end once nothing is left to do. What they have done then is told as ever."""
        for _ in range(self._threads):
            self._jobs.put(None)

    def _work(self, loop: AbstractEventLoop) -> None:
        while (job := self._jobs.get()) is not None:
            job.work()
            self._done.append(job)
            if not self._told and (self._jobs.empty() or len(self._done) >= TOGETHER):
                self._told = True
                with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                    loop.call_soon_threadsafe(self._finish)

    def _look(self) -> None:
        self._finish()
        if self.unfinished:
            get_running_loop().call_later(LONGEST_S, self._look)
        else:
            self._looking = False

    def _finish(self) -> None:
        self._told = False  # from now on; what is done before is found below
        while self._done:
            self.unfinished -= 1
            self._done.popleft().finish()
