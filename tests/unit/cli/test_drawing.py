"""Pictures made of characters."""

from dragoman.cli.drawing import LETTERS, SHADES, bar, draw, ramp


def test_a_pixel_is_two_characters_as_dark_as_it_is():
    assert draw([0, 4, 8, 16], 2, 16, SHADES) == ["  ░░", "▒▒██"]


def test_a_full_bar_is_twenty_characters_and_an_empty_one_none():
    assert (bar(1.0, SHADES), bar(0.0, SHADES)) == ("█" * 20, "")


def test_an_encoding_without_blocks_gets_letters():
    assert (ramp("utf-8"), ramp("ascii"), ramp("no-such-encoding")) == (SHADES, LETTERS, LETTERS)
