"""Texts out of the documents and events of OpenAI's API. Whatever is not as it should be is a ShapeError."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dragoman.core.generation import Finish, Piece, TokenScore, ToolCall, Usage

FINISHES: Final[Mapping[str, Finish]] = {
    "stop": Finish.STOP,
    "eos": Finish.STOP,
    "length": Finish.LENGTH,
    "tool_calls": Finish.TOOL_CALLS,
    "function_call": Finish.TOOL_CALLS,
    "content_filter": Finish.CONTENT_FILTER,
}


class ShapeError(ValueError):
    """A document is not of the form that it should have; the text says where."""


def member(value: Any, key: str, form: type | tuple[type, ...]) -> Any:
    """A member of an object; None where it is null or not there.

    Errors: ShapeError.
    """
    if not isinstance(value, dict):
        raise ShapeError(f"{key} is looked for in what is no object")
    found = value.get(key)
    if found is not None and (not isinstance(found, form) or (form is int and isinstance(found, bool))):
        raise ShapeError(f"its {key} is of another kind")
    return found


def choices_of(document: Mapping[str, Any]) -> list[Any]:
    """The choices of a document.

    Errors: ShapeError.
    """
    found = member(document, "choices", list)
    if found is None:
        raise ShapeError("it has no choices")
    return list(found)


def place_of(choice: Any, count: int) -> int:
    """Which choice it is.

    Errors: ShapeError for one that was not asked for.
    """
    index = member(choice, "index", int) or 0
    if not 0 <= index < count:
        raise ShapeError(f"it has a choice {index}, and {count} were asked for")
    return int(index)


def finish_of(choice: Any) -> Finish | None:
    """Why a text ends; None = it does not yet. What nobody knows counts as the model's own end."""
    told = member(choice, "finish_reason", str)
    return None if not told else FINISHES.get(told, Finish.STOP)


def usage_of(document: Mapping[str, Any]) -> Usage | None:
    """The tokens that it tells; None = it does not."""
    found = member(document, "usage", dict)
    if not found:
        return None
    details = member(found, "prompt_tokens_details", dict) or {}
    return Usage(
        member(found, "prompt_tokens", int) or 0,
        member(found, "completion_tokens", int) or 0,
        member(details, "cached_tokens", int),
    )


def said(holder: Any) -> tuple[str, str]:
    """What a message, or a part of one, says and thinks."""
    text = member(holder, "content", str) or member(holder, "refusal", str) or ""
    thought = member(holder, "reasoning_content", str) or member(holder, "reasoning", str) or ""
    return text, thought


def whole_chat(choice: Any, place: int) -> Piece:
    """The answer of a chat."""
    message = member(choice, "message", dict)
    if message is None:
        raise ShapeError("a choice has no message")
    text, thought = said(message)
    calls = [tool_call(call, number) for number, call in enumerate(member(message, "tool_calls", list) or ())]
    return Piece(place, text, chat_scores(choice), finish_of(choice) or Finish.STOP, thought, calls)


def whole_completion(choice: Any, place: int) -> Piece:
    """The continuation of a prompt."""
    text = member(choice, "text", str)
    if text is None:
        raise ShapeError("a choice has no text")
    return Piece(place, text, completion_scores(choice), finish_of(choice) or Finish.STOP)


def tool_call(call: Any, place: int) -> ToolCall:
    """A whole call of a tool."""
    function = member(call, "function", dict) or {}
    name, arguments = member(function, "name", str), member(function, "arguments", str)
    if not name:
        raise ShapeError("a call of a tool has no name")
    return ToolCall(place, name, arguments or "{}")


class Calls:
    """The calls of tools of one text, which come in parts."""

    def __init__(self) -> None:
        self._parts: dict[int, list[str]] = {}
        self._names: dict[int, str] = {}

    def add(self, delta: Any) -> None:
        """Take up what a part of a message adds."""
        for number, call in enumerate(member(delta, "tool_calls", list) or ()):
            index = member(call, "index", int)
            place = number if index is None else index
            function = member(call, "function", dict) or {}
            self._names[place] = self._names.get(place, "") + (member(function, "name", str) or "")
            self._parts.setdefault(place, []).append(member(function, "arguments", str) or "")

    def whole(self) -> list[ToolCall]:
        """All of them, once the text has ended."""
        return [
            ToolCall(number, self._names[place], "".join(self._parts[place]) or "{}")
            for number, place in enumerate(sorted(self._names))
        ]


def chat_part(choice: Any, place: int, calls: Calls) -> Piece:
    """A part of a chat's answer."""
    delta = member(choice, "delta", dict) or {}
    text, thought = said(delta)
    calls.add(delta)
    finish = finish_of(choice)
    made = calls.whole() if finish is not None else ()
    return Piece(place, text, chat_scores(choice), finish, thought, made)


def completion_part(choice: Any, place: int, _: Calls) -> Piece:
    """A part of a prompt's continuation."""
    text = member(choice, "text", str) or ""
    return Piece(place, text, completion_scores(choice), finish_of(choice))


def chat_scores(choice: Any) -> Sequence[TokenScore]:
    """The tokens of a chat's text, where they are told."""
    told = member(choice, "logprobs", dict)
    entries = member(told, "content", list) if told else None
    return [
        TokenScore(
            member(entry, "token", str) or "",
            member(entry, "logprob", (int, float)),
            tuple(
                (member(other, "token", str) or "", float(member(other, "logprob", (int, float)) or 0.0))
                for other in member(entry, "top_logprobs", list) or ()
            ),
        )
        for entry in entries or ()
    ]


def completion_scores(choice: Any) -> Sequence[TokenScore]:
    """The tokens of a completion, where they are told, in lists."""
    told = member(choice, "logprobs", dict)
    if not told:
        return ()
    tokens = member(told, "tokens", list) or []
    values = member(told, "token_logprobs", list) or []
    others = member(told, "top_logprobs", list) or [None] * len(tokens)
    if not len(tokens) == len(values) == len(others):
        raise ShapeError("its logprobs are lists of unlike lengths")
    return [
        TokenScore(str(token), None if value is None else float(value), others_of(other))
        for token, value, other in zip(tokens, values, others, strict=True)
    ]


def others_of(told: Any) -> tuple[tuple[str, float], ...]:
    """The likeliest tokens at a place."""
    if not isinstance(told, dict):
        return ()
    return tuple((token, float(value)) for token, value in told.items() if isinstance(value, int | float))
