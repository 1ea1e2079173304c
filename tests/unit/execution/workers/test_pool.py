"""The workers of one version, without whoever runs calls in them."""

import asyncio

from dragoman.execution.workers.pool import Restarts, WorkerPool
from dragoman.execution.workers.process import WorkerProcess, end_together
from dragoman.execution.workers.runner import unwatched
from tests.unit.execution.workers.served import OBEDIENT, load


def test_a_worker_that_was_killed_just_before_the_others_stop_is_still_waited_for() -> None:
    async def killed() -> tuple[list[WorkerProcess], list[WorkerProcess]]:
        model = await asyncio.to_thread(load, OBEDIENT)
        pool = WorkerPool(model.load, asyncio.get_running_loop(), unwatched, Restarts())
        workers = model.hand_over()
        for process, ready in workers:
            pool.adopt(process, ready)
        slot = pool.try_take()
        assert slot is not None
        slot.worker.stop("it hangs")
        to_wait_for = pool.stop()
        await asyncio.to_thread(end_together, [process for process, _ in workers], 0.0)
        return [process for process, _ in workers], to_wait_for

    ours, to_wait_for = asyncio.run(killed())
    assert to_wait_for == ours
