"""Phases and deadlines of one connection."""

import pytest

from dragoman.settings.limits import Limits
from dragoman.transports.http.waiting import LINGER_S, LINGER_TOTAL_S, Phase, Waiting, body_deadline
from dragoman.transports.http.wheel import NEVER, TimerWheel

LIMITS = Limits(
    header_timeout_s=20,
    body_timeout_s=300,
    body_bytes_per_s=100,
    body_grace_s=10,
    keep_alive_timeout_s=75,
    write_timeout_s=60,
)


class Scene:
    """A connection's waiting, and the time."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.time = 1000.0
        self.wheel = TimerWheel(lambda: self.time)
        self.waiting = Waiting(self.wheel, limits, lambda: None)


def test_every_phase_has_its_own_deadline():
    scene = Scene()
    waiting = scene.waiting
    deadlines = {}
    for phase, wait in {
        Phase.IDLE: waiting.for_request,
        Phase.HEAD: waiting.for_head,
        Phase.BODY: lambda: waiting.for_body(0),
        Phase.ANSWERING: waiting.for_answer,
        Phase.STALLED: lambda: waiting.for_reader(Phase.STALLED, 1),
        Phase.LINGERING: waiting.for_hang_up,
        Phase.CLOSING: lambda: waiting.for_reader(Phase.CLOSING, 1),
    }.items():
        wait()
        assert waiting.phase is phase
        deadlines[phase] = waiting.deadline - scene.time
    assert list(deadlines) == list(Phase)
    assert list(deadlines.values()) == [75, 20, 10, NEVER, 60, LINGER_S, 60]


def test_more_of_a_head_does_not_give_it_more_time():
    scene = Scene()
    scene.waiting.for_head()
    scene.time += 5
    scene.waiting.for_head()
    assert scene.waiting.deadline == 1020


@pytest.mark.parametrize(
    ("received", "seconds"),
    [(0, 10), (999, 10), (2_000, 20), (29_999, 299.99), (30_000, 300), (10_000_000, 300)],
)
def test_a_body_has_its_grace_then_its_rate_and_at_last_its_deadline(received, seconds):
    assert body_deadline(LIMITS, 1000, received) == pytest.approx(1000 + seconds)


def test_without_a_least_rate_only_the_deadline_counts():
    assert body_deadline(Limits(body_bytes_per_s=0, body_timeout_s=300), 1000, 0) == 1300
    assert body_deadline(Limits(body_bytes_per_s=0, body_timeout_s=0), 1000, 0) == NEVER


def test_a_reader_that_takes_something_has_as_much_time_again():
    scene = Scene()
    scene.waiting.for_reader(Phase.STALLED, 100)
    scene.time += 60
    assert scene.waiting.reader_moved(99)
    assert scene.waiting.deadline == scene.time + 60
    assert not scene.waiting.reader_moved(99)


def test_a_client_that_goes_on_sending_is_borne_for_a_while():
    scene = Scene()
    scene.waiting.for_hang_up()
    for _ in range(100):
        scene.time += 1
        scene.wheel.turn()
        scene.waiting.still_sending()
    assert scene.waiting.deadline == 1000 + LINGER_TOTAL_S


def test_the_wheel_looks_no_later_than_a_deadline_that_comes_earlier():
    scene = Scene()
    scene.waiting.for_body(10_000_000)
    assert scene.waiting.due > 1299
    scene.waiting.for_request()
    assert scene.waiting.due <= 1076
