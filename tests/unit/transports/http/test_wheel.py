"""The timer wheel, with a clock that is told the time."""

from dragoman.transports.http.wheel import NEVER, TimerWheel


class Entry:
    def __init__(self, deadline: float = NEVER) -> None:
        self.deadline = deadline
        self.due = NEVER
        self.calls = 0

    def expired(self) -> None:
        self.calls += 1


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def turned(wheel: TimerWheel, clock: Clock, now: float) -> None:
    clock.now = now
    wheel.turn()


def test_an_entry_expires_once_and_not_before_its_deadline():
    clock = Clock()
    wheel, entry = TimerWheel(clock), Entry(120.5)
    wheel.watch(entry)
    turned(wheel, clock, 120.4)
    assert entry.calls == 0
    turned(wheel, clock, 121)
    turned(wheel, clock, 200)
    assert entry.calls == 1


def test_a_deadline_that_moved_later_is_looked_at_later_without_being_told():
    clock = Clock()
    wheel, entry = TimerWheel(clock), Entry(120)
    wheel.watch(entry)
    entry.deadline = 150
    turned(wheel, clock, 149)
    assert entry.calls == 0
    turned(wheel, clock, 152)
    assert entry.calls == 1


def test_a_deadline_that_moved_earlier_is_met_once_it_is_watched():
    clock = Clock()
    wheel, entry = TimerWheel(clock), Entry(200)
    wheel.watch(entry)
    entry.deadline = 110
    wheel.watch(entry)
    turned(wheel, clock, 111)
    assert entry.calls == 1


def test_a_forgotten_entry_does_not_expire():
    clock = Clock()
    wheel, entry = TimerWheel(clock), Entry(110)
    wheel.watch(entry)
    wheel.forget(entry)
    turned(wheel, clock, 200)
    assert entry.calls == 0


def test_an_entry_that_sets_a_new_deadline_as_it_expires_expires_again():
    clock = Clock()
    wheel, entry = TimerWheel(clock), Entry(110)

    def again() -> None:
        entry.calls += 1
        entry.deadline = clock.now + 10

    entry.expired = again  # type: ignore[method-assign]
    wheel.watch(entry)
    for now in range(101, 200):
        turned(wheel, clock, float(now))
    assert entry.calls == 9


def test_a_deadline_of_never_is_not_watched():
    clock = Clock()
    wheel, entry = TimerWheel(clock), Entry()
    wheel.watch(entry)
    turned(wheel, clock, 1e9)
    assert (entry.calls, entry.due) == (0, NEVER)


def test_now_is_the_time_of_the_last_turn():
    clock = Clock()
    wheel = TimerWheel(clock)
    clock.now = 107.5
    assert wheel.now == 100.0
    wheel.turn()
    assert wheel.now == 107.5
