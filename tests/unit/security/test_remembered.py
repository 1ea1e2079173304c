"""A bounded map that forgets."""

from dragoman.security.remembered import Remembered


def test_what_is_used_is_kept_and_what_is_not_is_forgotten() -> None:
    kept: Remembered[str] = Remembered(10, 5.0)
    kept.put(b"a", "A", 0.0)
    kept.put(b"b", "B", 0.0)
    assert kept.get(b"a", 4.0) == "A"
    assert kept.get(b"a", 8.0) == "A"
    assert kept.get(b"b", 8.0) is None
    assert kept.get(b"b", 0.0) is None


def test_the_one_unused_for_longest_makes_room() -> None:
    kept: Remembered[str] = Remembered(2, 5.0)
    kept.put(b"a", "A", 0.0)
    kept.put(b"b", "B", 0.0)
    kept.get(b"a", 1.0)
    kept.put(b"c", "C", 1.0)
    assert [kept.get(key, 1.0) for key in (b"a", b"b", b"c")] == ["A", None, "C"]


def test_everything_can_be_forgotten() -> None:
    kept: Remembered[str] = Remembered(2, 5.0)
    kept.put(b"a", "A", 0.0)
    kept.clear()
    assert kept.get(b"a", 0.0) is None
