"""However a text's tokens come, what is shown is the same: whole characters, and nothing of a stop text."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.generation import Asked, Finish, Piece, Sampling
from dragoman.engines.base import Emission
from dragoman.execution.text.detokenizer import ByteDetokenizer, Detokenizer
from dragoman.execution.text.sequence import TextSequence
from dragoman.execution.text.stops import StopMatcher
from tests.unit.execution.text.scripted import END, Bytes, emission

TEXTS = st.text(alphabet="abé🙂 ", max_size=24)
TOKENS = st.lists(st.integers(0, 255), max_size=24)
STOPS = st.lists(st.text(alphabet="abé🙂 ", min_size=1, max_size=4), max_size=3)


def decode(ids: Sequence[int]) -> str:
    return Bytes().decode(ids, special=False)


def split(items: Sequence[int], cuts: Sequence[int]) -> list[Sequence[int]]:
    """The items in parts that end at these places."""
    places = sorted({cut % (len(items) + 1) for cut in cuts} | {0, len(items)})
    return [items[start:end] for start, end in pairwise(places)] or [items]


def written(
    tokens: Sequence[int], cuts: Sequence[int], asked: Asked, finish: Finish = Finish.STOP
) -> list[Piece]:
    """The pieces of a text whose tokens come in these parts."""
    sequence = TextSequence(0, [], asked, Detokenizer(decode), frozenset({END}))
    parts = split(tokens, cuts)
    pieces = []
    for place, part in enumerate(parts):
        piece = sequence.take(emission(0, part, finish if place == len(parts) - 1 else None))
        if piece is not None:
            pieces.append(piece)
        if sequence.done:
            break
    return pieces


def joined(pieces: Sequence[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


CUTS = st.lists(st.integers(0, 200), max_size=12)


@given(TEXTS, CUTS)
def test_a_text_comes_whole_and_never_with_half_a_character(text: str, cuts: list[int]) -> None:
    pieces = written(list(text.encode()), cuts, Asked())
    assert joined(pieces) == text
    assert not any("\ufffd" in piece.text for piece in pieces)
    assert pieces[-1].finish is Finish.STOP
    assert all(piece.finish is None for piece in pieces[:-1])


@given(TOKENS, CUTS, STOPS, st.booleans())
def test_how_tokens_are_split_never_shows(
    tokens: list[int], cuts: list[int], stops: list[str], keeps: bool
) -> None:
    asked = Asked(stop=tuple(stops), keeps_stop=keeps, alternatives=0)
    one, other = written(tokens, [], asked), written(tokens, cuts, asked)
    assert joined(one) == joined(other)
    assert one[-1].finish is other[-1].finish
    scores = [[score for piece in pieces for score in piece.tokens if score.text] for pieces in (one, other)]
    assert scores[0] == scores[1]


@given(TEXTS, CUTS, STOPS)
def test_what_is_shown_ends_before_the_first_stop_text_that_is_whole(
    text: str, cuts: list[int], stops: list[str]
) -> None:
    shown = joined(written(list(text.encode()), cuts, Asked(stop=tuple(stops))))
    ends = [(text.index(stop) + len(stop), text.index(stop)) for stop in stops if stop in text]
    assert shown == (text[: min(ends)[1]] if ends else text)


@given(TEXTS, CUTS, STOPS)
def test_the_tokens_that_are_told_join_to_the_text(text: str, cuts: list[int], stops: list[str]) -> None:
    pieces = written(list(text.encode()), cuts, Asked(stop=tuple(stops), alternatives=0))
    assert "".join(score.text for piece in pieces for score in piece.tokens) == joined(pieces)


@given(TOKENS)
def test_bytes_that_are_no_text_come_out_as_decoding_them_at_once_has_them(tokens: list[int]) -> None:
    detokenizer = Detokenizer(decode)
    text = "".join(map(detokenizer.feed, tokens)) + detokenizer.flush()
    if "\ufffd" not in decode(tokens):
        assert text == decode(tokens)
    assert len(text) <= len(tokens)


@given(TOKENS)
def test_bytes_that_are_decoded_as_they_come_give_what_decoding_them_at_once_gives(tokens: list[int]) -> None:
    detokenizer = ByteDetokenizer([bytes([token]) for token in range(256)])
    text = "".join(map(detokenizer.feed, tokens)) + detokenizer.flush()
    assert text == bytes(tokens).decode("utf-8", "replace")


def test_half_a_character_is_held_back_for_four_tokens_at_most() -> None:
    detokenizer = Detokenizer(decode)
    assert [detokenizer.feed(0xFF) for _ in range(5)] == ["", "", "", "", "\ufffd" * 5]


def test_the_token_that_ends_a_text_counts_and_is_not_shown() -> None:
    sequence = TextSequence(0, [], Asked(alternatives=0), Detokenizer(decode), frozenset({END}))
    piece = sequence.take(emission(0, b"ab", Finish.STOP))
    assert piece is not None
    assert piece.text == "ab"
    assert [score.text for score in piece.tokens] == ["a", "b"]
    assert sequence.written == 3


def test_tokens_after_a_stop_text_do_not_count() -> None:
    sequence = TextSequence(0, [], Asked(stop=("b",)), Detokenizer(decode), frozenset({END}))
    piece = sequence.take(emission(0, b"abcdef"))
    assert piece == Piece(0, "a", [], Finish.STOP)
    assert sequence.written == 2
    assert sequence.done


def test_a_token_of_the_callers_own_ends_a_text_like_the_models() -> None:
    asked = Asked(Sampling(stop_ids=(ord("c"),)))
    sequence = TextSequence(0, [], asked, Detokenizer(decode), frozenset({END}))
    assert sequence.take(emission(0, b"abc")) == Piece(0, "abc")  # the engine says when it has ended one
    assert sequence.take(Emission(0, b"dc", finish=Finish.STOP)) == Piece(0, "d", [], Finish.STOP)


def test_what_may_begin_a_stop_text_waits_and_no_more_than_that() -> None:
    matcher = StopMatcher(["</s>", "end"])
    assert matcher.feed("a<").text == "a"
    assert matcher.feed("b").text == "<b"
    assert matcher.feed("xe").text == "x"
    assert matcher.feed("n") == ("", False)
    assert matcher.feed("d!") == ("", True)
