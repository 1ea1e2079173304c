"""How many passwords may be tried."""

from dragoman.security.attempts import Attempts
from dragoman.settings.access import AttemptLimits


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_peer_may_try_so_often_and_then_has_to_wait() -> None:
    clock = Clock()
    attempts = Attempts(AttemptLimits(peer_burst=3, peer_per_s=0.5), clock)
    assert [attempts.begin("192.0.2.1") for _ in range(5)] == [0, 0, 0, 2, 2]
    clock.now += 2
    assert [attempts.begin("192.0.2.1") for _ in range(2)] == [0, 2]


def test_what_succeeds_does_not_count() -> None:
    attempts = Attempts(AttemptLimits(peer_burst=1, burst=1), Clock())
    for _ in range(10):
        assert attempts.begin("192.0.2.1") == 0
        attempts.succeeded("192.0.2.1")


def test_one_peer_does_not_use_up_what_another_has() -> None:
    attempts = Attempts(AttemptLimits(peer_burst=2), Clock())
    assert [attempts.begin("192.0.2.1:1"), attempts.begin("192.0.2.1:2")] == [0, 0]
    assert attempts.begin("192.0.2.1:3") > 0
    assert attempts.begin("192.0.2.2") == 0


def test_all_peers_together_are_bounded() -> None:
    clock = Clock()
    attempts = Attempts(AttemptLimits(burst=5, per_s=1.0), clock)
    assert sum(attempts.begin(f"192.0.2.{number}") == 0 for number in range(20)) == 5
    clock.now += 3
    assert sum(attempts.begin(f"192.0.2.{number}") == 0 for number in range(20)) == 3


def test_only_so_many_peers_are_remembered() -> None:
    attempts = Attempts(AttemptLimits(peer_burst=1, peers=2), Clock())
    assert [attempts.begin(peer) for peer in ("a", "b", "c", "a")] == [0, 0, 0, 0]
    assert attempts.begin("c") > 0
