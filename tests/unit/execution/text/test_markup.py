"""Thoughts and calls of tools between marks, however the text comes."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.generation import Finish, Piece, ToolCall
from dragoman.execution.text.answer import joined
from dragoman.execution.text.markup import CallsAlone, Markup

CALL = '<tool_call>\n{"name": "f", "arguments": {"x": 1}}\n</tool_call>'
MADE = '{"x": 1}'
PARTS = [
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    CALL,
    "a",
    " b",
    "\n",
    "<",
    "é",
    '{"name": "g"}',
]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=8).map("".join)


def read(pieces: Sequence[str], *, calls: bool = True, thinks: bool = True, begun: bool = False) -> Piece:
    """What comes of a text in these pieces, joined."""
    markup = Markup(thinks=thinks, calls=calls, begun=begun)
    found = [
        markup.read(Piece(0, text, finish=Finish.STOP if place == len(pieces) - 1 else None))
        for place, text in enumerate(pieces)
    ]
    return joined(found)[0]


@pytest.mark.parametrize(
    ("text", "thought", "said", "calls"),
    [
        ("hello", "", "hello", []),
        ("<think>so</think>\n\nhello", "so", "hello", []),
        (" \n<think>so</think>hello <think>no</think>", "so", "hello <think>no</think>", []),
        ("<think>for ever", "for ever", "", []),
        (CALL, "", "", [ToolCall(0, "f", MADE)]),
        (f"<think>so</think>I: {CALL}{CALL}", "so", "I: ", [ToolCall(n, "f", MADE) for n in range(2)]),
        ("<tool_call>no JSON</tool_call>!", "", "<tool_call>no JSON</tool_call>!", []),
        ('<tool_call>{"name": "g"}', "", "", [ToolCall(0, "g", "{}")]),
        ("<tool_call>", "", "<tool_call>", []),
        ("a < b", "", "a < b", []),
        ("", "", "", []),
    ],
)
def test_marks_are_read(text: str, thought: str, said: str, calls: list[ToolCall]) -> None:
    piece = read([text])
    assert (piece.thought, piece.text, list(piece.calls)) == (thought, said, calls)
    assert piece.finish is (Finish.TOOL_CALLS if calls else Finish.STOP)


def test_a_text_that_begins_in_thoughts_needs_no_first_mark() -> None:
    piece = read(["so</think>", "hello"], begun=True)
    assert (piece.thought, piece.text) == ("so", "hello")


def test_marks_that_are_not_looked_for_are_text() -> None:
    assert read([CALL], calls=False).text == CALL
    assert read(["<think>x</think>y"], thinks=False).text == "<think>x</think>y"


@given(TEXTS, st.lists(st.integers(0, 200), max_size=8), st.booleans())
def test_how_a_text_is_split_never_shows(text: str, cuts: list[int], begun: bool) -> None:
    places = sorted({cut % (len(text) + 1) for cut in cuts} | {0, len(text)})
    pieces = [text[start:end] for start, end in pairwise(places)] or [text]
    assert read(pieces, begun=begun) == read([text], begun=begun)


ONE = '{"name": "f", "arguments": {"x": 1}}'


def read_alone(pieces: Sequence[str], end: Finish = Finish.STOP) -> Piece:
    """What comes of a text that is calls alone, whose last piece ends for this reason."""
    reader = CallsAlone(Finish.TOOL_CALLS)
    last = len(pieces) - 1
    return joined([
        reader.read(Piece(0, text, finish=end if place == last else None))
        for place, text in enumerate(pieces)
    ])[0]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "names"), [(ONE, ["f"]), (f"[{ONE}]", ["f"]), (f'[{ONE}, {{"name": "g"}}]', ["f", "g"])]
)
def test_calls_alone_are_told_once_they_are_whole(text: str, names: list[str]) -> None:
    for cut in range(len(text)):
        piece = read_alone([text[:cut], text[cut:]])
        assert [(call.name, call.place) for call in piece.calls] == [(n, at) for at, n in enumerate(names)]
        assert (piece.text, piece.finish) == ("", Finish.TOOL_CALLS)


@pytest.mark.parametrize("text", [ONE[:-1], "[]", '[{"name": 1}]', "1", ""])
def test_what_breaks_off_or_is_no_call_is_text(text: str) -> None:
    piece = read_alone([text], Finish.LENGTH)
    assert (piece.text, list(piece.calls), piece.finish) == (text, [], Finish.LENGTH)
