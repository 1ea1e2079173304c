"""Requests and workers without a process, and a clock that a test moves."""

import asyncio
from collections.abc import Callable

from dragoman.core.context import CallContext
from dragoman.core.requests import PayloadPart, PayloadRequest
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.statistics import VersionStatistics
from dragoman.execution.workers.handlers.clock import Clock
from dragoman.execution.workers.handlers.job import HandlerJob
from dragoman.execution.workers.worker import Slot, Worker


class IdleWorker(Worker):
    """A worker without a process."""

    def __init__(self, places: int = 1) -> None:
        self.slots = [Slot(self, index) for index in range(places)]


def job(body: str = "", envelope: str | None = None, since_s: float = 0.0, **headers: str) -> HandlerJob:
    request = PayloadRequest(DEFAULT_SIGNATURE, [PayloadPart("body", body.encode())], headers)
    return HandlerJob(request, envelope, CallContext(body), since_s, VersionStatistics())


class SetTimer:
    """What happens when the hands reach it."""

    def __init__(self, at_s: float, action: Callable[[], None]) -> None:
        self.at_s = at_s
        self.action = action
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.timers: list[SetTimer] = []
        self.clock = Clock(self.sleep, lambda: self.now_s, self.later)

    def later(self, delay_s: float, action: Callable[[], None]) -> SetTimer:
        timer = SetTimer(self.now_s + delay_s, action)
        self.timers.append(timer)
        return timer

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self.later(seconds, lambda: woken.done() or woken.set_result(None))
        await woken

    def move(self, seconds: float) -> None:
        """Let so much time pass, and everything happen that falls due."""
        end_s = self.now_s + seconds
        while due := [timer for timer in self.timers if timer.at_s <= end_s and not timer.cancelled]:
            timer = min(due, key=lambda one: one.at_s)
            self.timers.remove(timer)
            self.now_s = timer.at_s
            timer.action()
        self.now_s = end_s
