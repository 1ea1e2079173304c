"""Workers that are killed under load: only the calls in them fail.

It runs for 5 seconds; DRAGOMAN_FAULT_SECONDS=60 makes it the full minute, with a kill every 2 seconds.
"""

import asyncio
import os
import signal
from time import monotonic

import numpy as np
import pytest
from uvloop import new_event_loop

from dragoman.core.errors import Code, DragomanError
from dragoman.execution.workers.worker import Worker
from tests.unit.execution.workers.served import OBEDIENT, Restarts, Served, ask, served

SECONDS = float(os.environ.get("DRAGOMAN_FAULT_SECONDS", "5"))
KILL_EVERY_S = min(2.0, SECONDS / 10)
INSTANCES = 3
CALLERS = 12

pytestmark = pytest.mark.faults


class Tally:
    """What became of the calls."""

    def __init__(self) -> None:
        self.answered = 0
        self.wrong = 0
        self.failed: list[DragomanError] = []
        self.kills = 0


async def call_until(end_s: float, model: Served, tally: Tally, caller: int) -> None:
    """Call again and again; each answer has to be this call's own."""
    number = caller * 1e6
    while monotonic() < end_s:
        number += 1
        sent = np.full(1 + int(number) % 7000, number)
        try:
            answer = await model.run(ask("echo", *sent))
        except DragomanError as error:
            tally.failed.append(error)
        else:
            tally.answered += 1
            tally.wrong += not np.array_equal(answer, sent)


async def kill_until(end_s: float, model: Served, tally: Tally) -> None:
    """Kill one worker after the other."""
    while monotonic() + KILL_EVERY_S < end_s:
        await asyncio.sleep(KILL_EVERY_S)
        workers: list[Worker] = sorted(model.runner._pool._up, key=lambda worker: worker.process.pid)
        if workers:
            victim = workers[tally.kills % len(workers)]
            os.kill(victim.process.pid, signal.SIGKILL)
            tally.kills += 1


def test_killing_workers_under_load_fails_only_the_calls_in_them() -> None:
    tally = Tally()

    async def soak() -> None:
        async with served(OBEDIENT, instances=INSTANCES, restarts=Restarts()) as model:
            end_s = monotonic() + SECONDS
            callers = [call_until(end_s, model, tally, caller) for caller in range(CALLERS)]
            await asyncio.gather(kill_until(end_s, model, tally), *callers)

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(soak())
    print(f"{tally.answered} answered, {len(tally.failed)} failed, {tally.kills} kills")
    assert tally.kills >= 0.8 * SECONDS / KILL_EVERY_S - 1
    assert tally.wrong == 0
    assert {error.code for error in tally.failed} <= {Code.UNAVAILABLE}
    assert len(tally.failed) <= tally.kills  # a worker here has one call at a time
    assert tally.answered > 100 * tally.kills
