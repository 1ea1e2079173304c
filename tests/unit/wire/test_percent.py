import pytest

from dragoman.wire.percent import percent_decoded


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("half_plus_two", "half_plus_two"),
        ("half%5Fplus%5ftwo", "half_plus_two"),
        ("%C3%A9", "é"),
        ("%252e", "%2e"),
        ("%2e%2e", ".."),
        ("%00", "\0"),
        ("%", "%"),
        ("%g1%4", "%g1%4"),
        ("%ff", "\ufffd"),
        ("a+b", "a+b"),
        ("\udcff%41", "\ufffdA"),
    ],
)
def test_escapes_are_decoded_once(text: str, decoded: str) -> None:
    assert percent_decoded(text) == decoded
