import asyncio
from time import monotonic

from dragoman.execution.deadlines import Alarm


class Waiting:
    """Notes that it has expired."""

    def __init__(self, expired: list["Waiting"]) -> None:
        self._expired = expired

    def expire(self) -> None:
        self._expired.append(self)


def test_an_alarm_rings_for_each_deadline_that_has_passed_and_no_other() -> None:
    async def wait() -> None:
        alarm, expired = Alarm(), list[Waiting]()
        now, left = monotonic(), asyncio.Event()

        class Last(Waiting):
            def expire(self) -> None:
                super().expire()
                left.set()

        late, kept, soon, met = Last(expired), Waiting(expired), Waiting(expired), Waiting(expired)
        alarm.watch(late, now + 0.02)
        alarm.watch(kept, now + 3600)
        alarm.watch(soon, now - 1)
        alarm.watch(met, now - 2)
        alarm.forget(met)
        alarm.forget(met)
        await asyncio.wait_for(left.wait(), 30)
        assert expired == [soon, late]
        alarm.forget(kept)

    asyncio.run(wait())


def test_what_expires_may_wait_for_something_else() -> None:
    async def wait() -> None:
        alarm, second = Alarm(), asyncio.Event()

        class Second:
            def expire(self) -> None:
                second.set()

        class First:
            def expire(self) -> None:
                alarm.watch(Second(), monotonic())

        alarm.watch(First(), monotonic())
        await asyncio.wait_for(second.wait(), 30)

    asyncio.run(wait())
