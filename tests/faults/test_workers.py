"""Workers that are killed under load: only the calls in them fail.

It takes 5 seconds, longer where the machine is slow; DRAGOMAN_FAULT_SECONDS=60 makes it the full minute,
with a kill every 2 seconds.
"""

import asyncio
import os
import signal

import numpy as np
import pytest
from uvloop import new_event_loop

from dragoman.core.errors import Code, DragomanError
from dragoman.execution.workers.worker import Worker
from tests.faults.progress import PATIENCE_S, Progress
from tests.unit.execution.workers.served import OBEDIENT, Restarts, Served, ask, served

SECONDS = float(os.environ.get("DRAGOMAN_FAULT_SECONDS", "5"))
KILL_EVERY_S = min(2.0, SECONDS / 10)
KILLS = round(SECONDS / KILL_EVERY_S) - 1
INSTANCES = 3
CALLERS = 12
ANSWERS = 100  # which are given after each kill, before the next

pytestmark = pytest.mark.faults


class Tally:
    """What became of the calls."""

    def __init__(self) -> None:
        self.answered = 0
        self.wrong = 0
        self.failed: list[DragomanError] = []


async def call(model: Served, tally: Tally, progress: Progress, caller: int) -> None:
    """Call again and again; each answer has to be this call's own."""
    number = caller * 1e6
    while not progress.over:
        number += 1
        sent = np.full(1 + int(number) % 7000, number)
        try:
            answer = await model.run(ask("echo", *sent))
        except DragomanError as error:
            tally.failed.append(error)
            await asyncio.sleep(0)  # others go on, even where nothing is answered any more
        else:
            tally.answered += 1
            tally.wrong += not np.array_equal(answer, sent)
            progress.made()


async def kill(model: Served, tally: Tally, progress: Progress) -> None:
    """Kill one worker after the other, each when the rest have answered many calls since the last."""
    for number in range(KILLS):
        await asyncio.sleep(KILL_EVERY_S)
        await answers(tally, progress)
        workers: list[Worker] = sorted(model.runner._pool._up, key=lambda worker: worker.process.pid)
        os.kill(workers[number % len(workers)].process.pid, signal.SIGKILL)
    await answers(tally, progress)
    progress.over = True


async def answers(tally: Tally, progress: Progress) -> None:
    """Wait until so many more calls have been answered."""
    wanted = tally.answered + ANSWERS
    await progress.until(lambda: tally.answered >= wanted)


def test_killing_workers_under_load_fails_only_the_calls_in_them() -> None:
    tally = Tally()

    async def soak() -> None:
        progress = Progress()
        async with (
            served(OBEDIENT, instances=INSTANCES, restarts=Restarts()) as model,
            asyncio.timeout(SECONDS + PATIENCE_S),
        ):
            callers = [call(model, tally, progress, caller) for caller in range(CALLERS)]
            await asyncio.gather(kill(model, tally, progress), *callers)

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(soak())
    print(f"{tally.answered} answered, {len(tally.failed)} failed, {KILLS} kills")
    assert tally.wrong == 0
    assert {error.code for error in tally.failed} <= {Code.UNAVAILABLE}
    assert len(tally.failed) <= KILLS  # a worker here has one call at a time
