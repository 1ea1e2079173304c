"""The timer that all connections share."""

import asyncio

from dragoman.transports.grpc.http2.watch import Watch


class Member:
    """Wants to be looked at so many times."""

    def __init__(self, times: int) -> None:
        self.seen: list[float] = []
        self._times = times

    def look(self, now: float) -> bool:
        self.seen.append(now)
        return len(self.seen) < self._times


def test_a_member_is_looked_at_until_it_says_no() -> None:
    async def main() -> None:
        watch = Watch(iter((1.0, 2.0, 3.0, 4.0)).__next__)
        once, thrice = Member(1), Member(3)
        watch.add(once)
        watch.add(thrice)
        for _ in range(4):
            watch.turn()
        watch.stop()
        assert (once.seen, thrice.seen) == ([1.0], [1.0, 2.0, 3.0])

    asyncio.run(main())


def test_a_member_that_has_gone_is_not_looked_at() -> None:
    async def main() -> None:
        watch = Watch(lambda: 1.0)
        member = Member(9)
        watch.add(member)
        watch.discard(member)
        watch.turn()
        watch.stop()
        assert member.seen == []

    asyncio.run(main())
