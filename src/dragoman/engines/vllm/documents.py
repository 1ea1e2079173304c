"""What is asked of vLLM for a text, and what its answers say.

Prompts go as tokens, and tokens come back (`return_token_ids`): templates, stop texts and the way back to
text are this server's own, the same for every engine.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeGuard

from dragoman.core.generation import Finish, Ids, Sampling
from dragoman.engines.base import Emission, Scored
from dragoman.engines.vllm.command import MODEL

FINISHES: Final = {"stop": Finish.STOP, "length": Finish.LENGTH}
NUMBERS: Final = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "repetition_penalty",
    "frequency_penalty",
    "presence_penalty",
)
SEEDS: Final = 2**64


class BadChunkError(ValueError):
    """An answer that is not what was asked for; the text says what of it."""


def text_document(ids: Ids, sampling: Sampling, ends: frozenset[int], most_tokens: int) -> dict[str, Any]:
    """The request for a text. `most_tokens` = what the context leaves, where the caller says nothing."""
    stops = {*sampling.stop_ids, *(() if sampling.ignore_end else ends)}
    document: dict[str, Any] = {
        "model": MODEL,
        "prompt": list(ids),
        "stream": True,
        "return_token_ids": True,
        "logprobs": 0,  # of the token that is chosen, and of no other
        "max_tokens": sampling.max_tokens or most_tokens,
        "min_tokens": sampling.min_tokens,
        "ignore_eos": sampling.ignore_end,
        "stop_token_ids": sorted(stops),
        "skip_special_tokens": False,
    }
    for name in NUMBERS:
        if (value := getattr(sampling, name)) is not None:
            document[name] = value
    if sampling.seed is not None:
        document["seed"] = (sampling.seed + SEEDS // 2) % SEEDS - SEEDS // 2
    if sampling.logit_bias:
        document["logit_bias"] = {str(token): bias for token, bias in sampling.logit_bias.items()}
    if sampling.json_schema is not None:
        schema = {"name": "text", "schema": json.loads(sampling.json_schema)}
        document["response_format"] = {"type": "json_schema", "json_schema": schema}
    return document


def read_chunk(handle: int, chunk: Mapping[str, Any]) -> Emission | None:
    """What a chunk adds to a text; None = nothing.

    Errors: BadChunkError.
    """
    choices = chunk.get("choices")
    if not isinstance(choices, list):
        raise BadChunkError("it has no choices")
    if not choices:
        return None
    choice = choices[0]
    if not isinstance(choice, dict):
        raise BadChunkError("its choice is no object")
    ids = choice.get("token_ids")
    if not is_tokens(ids):
        raise BadChunkError("it tells no token_ids, which vLLM does from 0.10.2 on")
    logprobs = choice.get("logprobs")
    told = logprobs.get("token_logprobs") if isinstance(logprobs, dict) else None
    if not isinstance(told, list) or len(told) != len(ids) or not all(map(is_number, told)):
        raise BadChunkError("it tells not one logarithm of probability for each token")
    reason = choice.get("finish_reason")
    if reason is None:
        return Emission(handle, ids, told) if ids else None
    if reason not in FINISHES:
        raise BadChunkError(f"the text ended by {str(reason)[:40]}")
    return Emission(handle, ids, told, FINISHES[reason])


def trial_document() -> dict[str, Any]:
    """The request for a token that nobody looks at: the first takes a while, and shows whether any comes."""
    return {"model": MODEL, "prompt": [0], "max_tokens": 1, "temperature": 0}


def score_document(ids: Ids, count: int) -> dict[str, Any]:
    """The request for how likely the tokens of a text were; one more is written, and not looked at."""
    return {
        "model": MODEL,
        "prompt": list(ids),
        "max_tokens": 1,
        "temperature": 0,
        "prompt_logprobs": count,
    }


def read_scores(answer: Mapping[str, Any], ids: Ids, first: int, count: int) -> list[Scored]:
    """How likely each token from `first` on was, with so many of the likeliest at its place.

    Errors: BadChunkError.
    """
    try:
        places = answer["choices"][0]["prompt_logprobs"]
        if len(places) != len(ids):
            raise BadChunkError("it tells not of each token of the prompt")
        return [scored(place, ids[number], count) for number, place in list(enumerate(places))[first:]]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise BadChunkError("it tells no prompt_logprobs") from None


def scored(place: Mapping[str, Mapping[str, Any]], token: int, count: int) -> Scored:
    """One place: by token its logarithm and its rank, from 1 on."""
    ranked = sorted((told["rank"], int(name), float(told["logprob"])) for name, told in place.items())
    best = tuple((name, logprob) for rank, name, logprob in ranked if rank <= count)
    return Scored(float(place[str(token)]["logprob"]), best)


def is_tokens(found: object) -> TypeGuard[list[int]]:
    """Whether these are tokens."""
    return isinstance(found, list) and all(type(token) is int and token >= 0 for token in found)


def is_number(found: object) -> bool:
    """Whether this is a number."""
    return isinstance(found, int | float) and not isinstance(found, bool)


def context_told(models: Mapping[str, Any]) -> int | None:
    """How many tokens the model has room for, as the list of models tells; None = it does not."""
    listed = models.get("data")
    entries: Sequence[object] = listed if isinstance(listed, list) else []
    for entry in entries:
        if isinstance(entry, dict) and type(length := entry.get("max_model_len")) is int and length > 0:
            return length
    return None
