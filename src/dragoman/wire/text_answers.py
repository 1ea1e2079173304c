"""Texts as OpenAI's API writes them: whole, and in chunks."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dragoman.core.generation import Piece, TextExplanation, TokenScore, ToolCall, Usage
from dragoman.wire.json_tree import dump

LOWEST: Final = -9999.0  # what stands for the logarithm of no probability at all


def logprob(score: TokenScore) -> float | None:
    """A logarithm of probability that JSON can hold."""
    return None if score.logprob is None else max(score.logprob, LOWEST)


def chat_logprobs(tokens: Sequence[TokenScore]) -> dict[str, Any]:
    """The tokens of a chat's answer."""
    return {
        "content": [
            {
                **token_entry(score.text, logprob(score)),
                "top_logprobs": [token_entry(text, max(value, LOWEST)) for text, value in score.others],
            }
            for score in tokens
        ],
        "refusal": None,
    }


def token_entry(text: str, value: float | None) -> dict[str, Any]:
    """One token with its bytes."""
    return {"token": text, "logprob": value, "bytes": list(text.encode("utf-8", "replace"))}


def completion_logprobs(tokens: Sequence[TokenScore], offset: int) -> dict[str, Any]:
    """The tokens of a completion in four lists. `offset` = the characters of the text before them."""
    offsets = []
    for score in tokens:
        offsets.append(offset)
        offset += len(score.text)
    return {
        "tokens": [score.text for score in tokens],
        "token_logprobs": [logprob(score) for score in tokens],
        "top_logprobs": [
            {text: max(value, LOWEST) for text, value in score.others}
            or ({} if score.logprob is None else {score.text: logprob(score)})
            for score in tokens
        ],
        "text_offset": offsets,
    }


def usage_object(usage: Usage) -> dict[str, Any]:
    """How many tokens a request took."""
    told: dict[str, Any] = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }
    if usage.cached_tokens is not None:
        told["prompt_tokens_details"] = {"cached_tokens": usage.cached_tokens}
    return told


def finish_reason(piece: Piece) -> str | None:
    """Why a text ends."""
    return None if piece.finish is None else piece.finish.value


def chat_choice(piece: Piece, *, scored: bool, reasons: bool, answer: str) -> dict[str, Any]:
    """One answer of a chat. `reasons` = its message tells thoughts, if only that there are none.

    `answer` = the answer's id, of which those of calls of tools are made.
    """
    message: dict[str, Any] = {"role": "assistant"}
    if reasons:
        message["reasoning_content"] = piece.thought or None
    message |= {"content": None if piece.calls and not piece.text else piece.text, "refusal": None}
    if piece.calls:
        message["tool_calls"] = [call_object(call, piece.choice, answer) for call in piece.calls]
    return {
        "index": piece.choice,
        "message": message,
        "logprobs": chat_logprobs(piece.tokens) if scored else None,
        "finish_reason": finish_reason(piece),
    }


def call_object(call: ToolCall, choice: int, answer: str) -> dict[str, Any]:
    """A call of a tool."""
    return {
        "id": f"call_{answer.partition('-')[2]}{choice}{call.place}",
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def call_delta(call: ToolCall, choice: int, answer: str) -> bytes:
    """The same in a chunk, whole."""
    return dump({"tool_calls": [{"index": call.place, **call_object(call, choice, answer)}]})


def completion_choice(piece: Piece, *, scored: bool) -> dict[str, Any]:
    """One completion."""
    return {
        "index": piece.choice,
        "text": piece.text,
        "logprobs": completion_logprobs(piece.tokens, 0) if scored else None,
        "finish_reason": finish_reason(piece),
    }


def explanation_object(explanation: TextExplanation) -> dict[str, Any]:
    """What each part of one prompt did for its text."""
    return {
        "index": explanation.prompt,
        "tokens": list(explanation.parts),
        "scores": list(explanation.scores),
        "method": "leave_one_out",
        "target": explanation.target,
    }


class Envelope:
    """What every chunk of one answer has around its choice."""

    __slots__ = ("_before", "_end")

    def __init__(self, head: Mapping[str, object], *, counts: bool) -> None:
        self._before = b'%b,"choices":[' % dump(head)[:-1]
        self._end = b'],"usage":null}' if counts else b"]}"

    def choice(self, choice: bytes) -> bytes:
        """The chunk of one choice."""
        return b"%b%b%b" % (self._before, choice, self._end)

    def usage(self, usage: Usage) -> bytes:
        """The chunk of none, which tells the tokens."""
        return b'%b],"usage":%b}' % (self._before, dump(usage_object(usage)))


def chat_delta(choice: int, delta: bytes, logprobs: bytes = b"null", finish: str | None = None) -> bytes:
    """A choice in a chunk of a chat."""
    return b'{"index":%d,"delta":%b,"logprobs":%b,"finish_reason":%b}' % (
        choice,
        delta,
        logprobs,
        dump(finish),
    )


def completion_delta(choice: int, text: str, logprobs: bytes = b"null", finish: str | None = None) -> bytes:
    """A choice in a chunk of completions."""
    return b'{"index":%d,"text":%b,"logprobs":%b,"finish_reason":%b}' % (
        choice,
        dump(text),
        logprobs,
        dump(finish),
    )
