"""What a model writes between marks: its thoughts, and its calls of tools.

1. Thoughts stand between `<think>` and `</think>`, at the beginning alone. Where the template has opened them
   already, the text begins within them: then only the end is there.
2. A call of a tool stands between `<tool_call>` and `</tool_call>`, and is JSON with a name and arguments. It
   is told when it is whole. What is no such JSON is text, marks and all.
3. What may be the beginning of a mark is held back. However the text is split, what comes of it is the same.
"""

import json
from collections.abc import Callable
from typing import Final

from dragoman.core.generation import Finish, Piece, ToolCall
from dragoman.execution.text.stops import Cut, StopMatcher

THINK, END_THINK = "<think>", "</think>"
CALL, END_CALL = "<tool_call>", "</tool_call>"
MOST_CALL_CHARS: Final = 1_000_000


class Markup:
    """Reads one text. `thinks`, `calls` = those marks are looked for; `begun` = it begins in thoughts."""

    def __init__(self, *, thinks: bool, calls: bool, begun: bool = False) -> None:
        self._calls = calls
        self._seen = ""  # not yet told
        self._made = 0
        self._step: Callable[[Piece, bool], bool] = self._say
        if thinks:
            self._step = self._think if begun else self._begin

    def read(self, piece: Piece) -> Piece:
        """The piece, with what is between marks taken out of its text."""
        ended = piece.finish is not None
        self._seen += piece.text
        told = Piece(piece.choice, "", piece.tokens, piece.finish)
        while self._step(told, ended):
            pass
        if ended and self._made and piece.finish is Finish.STOP:
            told.finish = Finish.TOOL_CALLS
        return told

    def _begin(self, told: Piece, ended: bool) -> bool:
        """Before the first word: thoughts, or none."""
        start = self._seen.lstrip()
        if start.startswith(THINK):
            self._seen = start[len(THINK) :]
            self._step = self._think
            return True
        if THINK.startswith(start) and not ended:
            return False
        self._step = self._say
        return True

    def _think(self, told: Piece, ended: bool) -> bool:
        cut = self._until(END_THINK, ended)
        told.thought += cut.text
        if cut.ended:
            self._step = self._after_thought
        return cut.ended

    def _after_thought(self, told: Piece, ended: bool) -> bool:
        """Between thoughts and words: empty lines."""
        self._seen = self._seen.lstrip("\n")
        if not self._seen:
            return False
        self._step = self._say
        return True

    def _say(self, told: Piece, ended: bool) -> bool:
        if not self._calls:
            told.text += self._seen
            self._seen = ""
            return False
        cut = self._until(CALL, ended)
        told.text += cut.text
        if cut.ended:
            self._step = self._call
        return cut.ended

    def _call(self, told: Piece, ended: bool) -> bool:
        end = self._seen.find(END_CALL)
        if end < 0 and not ended and len(self._seen) < MOST_CALL_CHARS:
            return False
        written = self._seen if end < 0 else self._seen[:end]
        call = read_call(written, self._made)
        self._seen = "" if end < 0 else self._seen[end + len(END_CALL) :]
        self._step = self._say
        if call is None:
            told.text += f"{CALL}{written}{'' if end < 0 else END_CALL}"
        else:
            self._made += 1
            told.calls = [*told.calls, call]
        return True

    def _until(self, mark: str, ended: bool) -> Cut:
        """What stands before a mark, and whether that is there."""
        matcher = StopMatcher([mark])
        cut = matcher.feed(self._seen)
        if cut.ended:
            self._seen = self._seen[len(cut.text) + len(mark) :]
            return cut
        held = matcher.flush()
        self._seen = "" if ended else held
        return Cut(cut.text + held if ended else cut.text, False)


class CallsAlone:
    """Reads a text that is nothing but a call of a tool in JSON, or a list of them, told once it is whole.

    `end` = why it ends then. One that breaks off is a text.
    """

    def __init__(self, end: Finish) -> None:
        self._end = end
        self._seen: list[str] = []

    def read(self, piece: Piece) -> Piece:
        """The piece without its text; the last one with the calls."""
        self._seen.append(piece.text)
        told = Piece(piece.choice, "", piece.tokens, piece.finish)
        if piece.finish is None:
            return told
        whole = "".join(self._seen)
        calls = read_calls(whole)
        if calls is None:
            told.text = whole
        else:
            told.calls = calls
            told.finish = self._end
        return told


def read_calls(written: str) -> list[ToolCall] | None:
    """The calls that are written; None = these are none."""
    found = load_json(written)
    entries = found if isinstance(found, list) else [found]
    calls = [as_call(entry, place) for place, entry in enumerate(entries)]
    return [call for call in calls if call is not None] if calls and None not in calls else None


def read_call(written: str, place: int) -> ToolCall | None:
    """The call that is written; None = it is none."""
    return as_call(load_json(written), place)


def load_json(written: str) -> object:
    """The JSON value; None for what is none."""
    try:
        return json.loads(written)
    except (ValueError, RecursionError):
        return None


def as_call(call: object, place: int) -> ToolCall | None:
    """The call that this is; None = it is none."""
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        return None
    arguments = call.get("arguments", {})
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return ToolCall(place, call["name"], arguments)
