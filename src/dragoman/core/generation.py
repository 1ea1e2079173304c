"""Text that models write: what a caller may ask of it, and the parts in which it comes."""

import enum
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from dragoman.core.errors import Code, DragomanError, Reason

Ids = Sequence[int]  # of tokens


class Finish(enum.Enum):
    """Why a text ended. A failure is an error and none of these."""

    STOP = "stop"  # a token that ends texts, or a text that the caller stops at
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"  # another server took the rest away


class Sampling(Struct, frozen=True):
    """How the next token is chosen. None = as the model's own files say, else as its runtime does.

    `max_tokens` None = what the context leaves, and no more than the model's settings allow. `json_schema` =
    the text has to be JSON of this schema, itself in JSON. The seed of a text that has none is drawn.
    `scored` = the logarithms of the tokens' probability are wanted, which an engine may tell all the same.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    min_tokens: int = 0
    ignore_end: bool = False
    stop_ids: tuple[int, ...] = ()
    json_schema: str | None = None
    logit_bias: Mapping[int, float] | None = None
    scored: bool = True


def with_defaults(sampling: Sampling, defaults: Sampling) -> Sampling:
    """What the caller says, and where it says nothing what the model's files say."""
    names = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
    missing = {name: getattr(defaults, name) for name in names if getattr(sampling, name) is None}
    return replace(sampling, **missing)


class Asked(Struct, frozen=True):
    """What is asked of a text besides its prompt.

    `texts` = how many are written for each prompt. `stop` = texts that end it, themselves left out unless
    `keeps_stop`. `alternatives` = how many other tokens are told beside each, with their logarithms of
    probability; None = nothing of tokens is told. `echo`: the prompt comes first. `explained`: what each part
    of a prompt did for its first text is told. `names` = what the caller calls a field, where its protocol
    calls it otherwise, for messages.
    """

    sampling: Sampling = Sampling()
    texts: int = 1
    stop: tuple[str, ...] = ()
    keeps_stop: bool = False
    alternatives: int | None = None
    echo: bool = False
    explained: bool = False
    shows_special: bool = False
    names: Mapping[str, str] = {}


class TokenScore(Struct, frozen=True):
    """One token of a text: what it adds to it, its logarithm of probability, and the likeliest others.

    `logprob` None = nothing is known of it, as of a prompt's first token.
    """

    text: str
    logprob: float | None
    others: tuple[tuple[str, float], ...] = ()


class ToolCall(Struct, frozen=True):
    """A tool that the model calls, with `arguments` in JSON; `place` = which of the text's calls it is."""

    place: int
    name: str
    arguments: str


class Piece(Struct):
    """A part of one text: of which choice, what it adds, the tokens it is of, and why it ends if it does.

    `thought` = what it adds to what the model thinks before it speaks, where that is told apart; `calls` =
    calls of tools that are whole now.
    """

    choice: int
    text: str
    tokens: Sequence[TokenScore] = ()
    finish: Finish | None = None
    thought: str = ""
    calls: Sequence[ToolCall] = ()


class TextExplanation(Struct, frozen=True):
    """What each part of a prompt did for the text that followed it.

    `scores` = the logarithm of the text's probability, less that without the part; `prompt` = which it is.
    """

    prompt: int
    parts: Sequence[str]
    scores: Sequence[float]
    target: str


class Usage(Struct):
    """How many tokens a request took. `cached_tokens` = those of the prompt that were not computed again."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int | None = None

    @property
    def total_tokens(self) -> int:
        """All of them."""
        return self.prompt_tokens + self.completion_tokens


class Abilities(Struct, frozen=True):
    """What an engine can do of what callers may ask, by the names of OpenAI's fields."""

    seed: bool = True
    penalties: bool = True
    logit_bias: bool = False
    logprobs: bool = True
    top_logprobs: bool = False
    explanations: bool = False
    json_schema: bool = False
    images: bool = False


class TextTraits(Struct, frozen=True):
    """What is known of a model that writes text. `context` = the tokens of prompt and text together."""

    engine: str
    context: int
    abilities: Abilities = Abilities()
    most_texts: int = 8  # for one prompt
    chats: bool = True
    reasons: bool = False  # whether what it thinks is told apart from what it says


MOST_PROMPTS: Final = 256  # of one request
MOST_STOPS: Final = 16
MOST_STOP_CHARS: Final = 1024


def refused(param: str, message: str, reason: Reason | None = None) -> DragomanError:
    """INVALID_ARGUMENT for what is said in this field."""
    return DragomanError(Code.INVALID_ARGUMENT, message, reason=reason, param=param)


def unsupported(param: str, engine: str) -> DragomanError:
    """The error for a field that is known, but not to the model's engine."""
    return refused(param, f"{param} is not supported by the engine {engine}", Reason.PARAMETER_UNSUPPORTED)


class Bounds(Struct, frozen=True):
    """What a number may be; `above` = the least is no number of it, only what is above."""

    least: float
    greatest: float
    whole: bool = False
    above: bool = False

    def words(self) -> str:
        """For messages."""
        kind = "a whole number" if self.whole else "a number"
        start = f"above {self.least:.15g}" if self.above else f"from {self.least:.15g}"
        return f"{kind} {start} to {self.greatest:.15g}"


MOST_TOKENS: Final = 2**31 - 1
# What may be said of how tokens are chosen, by `Sampling`'s names.
BOUNDS: Final[Mapping[str, Bounds]] = {
    "max_tokens": Bounds(1, MOST_TOKENS, whole=True),
    "temperature": Bounds(0, 2),
    "top_p": Bounds(0, 1, above=True),
    "top_k": Bounds(-1, MOST_TOKENS, whole=True),  # none of the likeliest only, as 0
    "min_p": Bounds(0, 1),
    "repetition_penalty": Bounds(0, 10, above=True),
    "frequency_penalty": Bounds(-2, 2),
    "presence_penalty": Bounds(-2, 2),
    "seed": Bounds(-(2**63), 2**64 - 1, whole=True),
    "min_tokens": Bounds(0, MOST_TOKENS, whole=True),
}


def bounded(name: str, value: object, bounds: Bounds) -> int | float:
    """The number, if it may be one in the field of this name.

    Errors: INVALID_ARGUMENT naming the field and what it may be.
    """
    kinds = (int,) if bounds.whole else (int, float)
    if type(value) in kinds and isinstance(value, int | float):
        low = value > bounds.least if bounds.above else value >= bounds.least
        if low and value <= bounds.greatest:
            return value
    raise refused(name, f"{name} must be {bounds.words()}, not {shown(value)}")


def check_stops(name: str, stops: Sequence[object]) -> tuple[str, ...]:
    """The texts at which a text ends.

    Errors: INVALID_ARGUMENT naming the field, for too many, and for one that is empty, too long or no text.
    """
    if len(stops) > MOST_STOPS:
        raise refused(name, f"{name} has {len(stops)} texts; at most {MOST_STOPS} are allowed")
    found = []
    for stop in stops:
        if not isinstance(stop, str):
            raise refused(name, f"{name} must be texts, not {shown(stop)}")
        if not stop or len(stop) > MOST_STOP_CHARS:
            raise refused(name, f"each text of {name} has from 1 to {MOST_STOP_CHARS} characters")
        found.append(stop)
    return tuple(found)


def shown(value: object) -> str:
    """A value for messages: its kind where it is none that is short."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:.15g}" if abs(value) < 1e300 else "so large a number"
    if isinstance(value, str):
        return "a string"
    names = {dict: "an object", list: "a list", type(None): "null"}
    return names.get(type(value), "that")
