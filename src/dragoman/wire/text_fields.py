"""The fields of requests for text that OpenAI's API has, and vLLM's besides, apart from what is continued.

A field that is null is not given. A text is never a number, and a number never a text.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from dragoman.core.errors import Reason
from dragoman.core.generation import (
    BOUNDS,
    Abilities,
    Asked,
    Bounds,
    Sampling,
    TextTraits,
    bounded,
    check_stops,
    refused,
    shown,
    unsupported,
)
from dragoman.wire.json_exact import JsonObject, JsonValue
from dragoman.wire.json_tree import dump

MOST_DEPTH: Final = 64  # of what a model's template or grammar is given as it is
MOST_ENTRIES: Final = 100_000  # of the same
MOST_N: Final = Bounds(1, 128, whole=True)
MOST_TOP: Final = Bounds(0, 20, whole=True)
MOST_BIASES: Final = 1024
BIAS: Final = Bounds(-100, 100)
# Numbers that are called as `Sampling` has them; how many tokens is told apart.
NUMBERS: Final = tuple(name for name in BOUNDS if name not in ("max_tokens",))
ANY_OBJECT: Final = '{"type":"object"}'
CONTAINERS: Final = (dict, list)


def given_fields(document: JsonObject) -> JsonObject:
    """The fields that are given."""
    return {name: value for name, value in document.items() if value is not None}


def read_asked(fields: JsonObject, default_tokens: int | None) -> Asked:
    """What is asked of a text. `default_tokens` None = as many as the model's owner allows.

    Errors: INVALID_ARGUMENT naming the field.
    """
    numbers: dict[str, Any] = {
        name: bounded(name, fields[name], BOUNDS[name]) for name in NUMBERS if name in fields
    }
    sampling = Sampling(
        max_tokens=read_max_tokens(fields, default_tokens),
        ignore_end=read_flag(fields, "ignore_eos"),
        stop_ids=read_stop_ids(fields),
        json_schema=read_response_format(fields),
        logit_bias=read_logit_bias(fields),
        **numbers,
    )
    stop = fields.get("stop", [])
    return Asked(
        sampling,
        texts=int(bounded("n", fields.get("n", 1), MOST_N)),
        stop=check_stops("stop", stop if isinstance(stop, list) else [stop]),
        keeps_stop=read_flag(fields, "include_stop_str_in_output"),
        shows_special=not read_flag(fields, "skip_special_tokens", usual=True),
    )


def read_max_tokens(fields: JsonObject, usual: int | None) -> int | None:
    """How many tokens may be written; the newer name goes before the older."""
    for name in ("max_completion_tokens", "max_tokens"):
        if name in fields:
            return int(bounded(name, fields[name], BOUNDS["max_tokens"]))
    return usual


def read_flag(fields: JsonObject, name: str, *, usual: bool = False) -> bool:
    """A field that is true or false."""
    value = fields.get(name, usual)
    if not isinstance(value, bool):
        raise refused(name, f"{name} must be true or false, not {shown(value)}")
    return value


def read_stop_ids(fields: JsonObject) -> tuple[int, ...]:
    """The tokens that end a text besides the model's own."""
    ids = fields.get("stop_token_ids", [])
    if not isinstance(ids, list) or len(ids) > MOST_BIASES:
        raise refused("stop_token_ids", f"stop_token_ids must be a list of at most {MOST_BIASES} tokens")
    return tuple(int(bounded("stop_token_ids", token, BOUNDS["min_tokens"])) for token in ids)


def read_logit_bias(fields: JsonObject) -> Mapping[int, float] | None:
    """What is added to tokens' logits; None = nothing."""
    biases = fields.get("logit_bias", {})
    if not isinstance(biases, dict) or len(biases) > MOST_BIASES:
        raise refused("logit_bias", f"logit_bias must be an object of at most {MOST_BIASES} tokens")
    found = {}
    for token, bias in biases.items():
        if not token.isascii() or not token.isdecimal() or len(token) > 10:
            raise refused("logit_bias", "logit_bias has keys that are no tokens' numbers")
        found[int(token)] = float(bounded("logit_bias", bias, BIAS))
    return found or None


def read_response_format(fields: JsonObject) -> str | None:
    """The JSON schema that the text has to keep to; None = it is free."""
    name = "response_format"
    form = fields.get(name, {"type": "text"})
    kind = form.get("type") if isinstance(form, dict) else None
    if kind == "text":
        return None
    if kind == "json_object":
        return ANY_OBJECT
    if kind != "json_schema":
        raise refused(name, f"{name}.type must be text, json_object or json_schema")
    holder = cast("JsonObject", form).get("json_schema")
    schema = holder.get("schema") if isinstance(holder, dict) else None
    if not isinstance(schema, dict):
        raise refused(name, f"{name}.json_schema.schema must be an object, not {shown(schema)}")
    check_size(name, schema)
    return dump(schema).decode()


def check_size(name: str, value: JsonValue) -> None:
    """Nothing, if a value that others walk through is neither too deep nor too large.

    Errors: INVALID_ARGUMENT naming the field.
    """
    level: list[JsonValue] = [value]
    entries = 0
    for _ in range(MOST_DEPTH):
        below: list[JsonValue] = []
        for item in level:
            below += item.values() if isinstance(item, dict) else cast("list[JsonValue]", item)
        entries += len(below)
        if entries > MOST_ENTRIES:
            raise refused(name, f"{name} has more than {MOST_ENTRIES} values")
        level = [item for item in below if isinstance(item, CONTAINERS)]
        if not level:
            return
    raise refused(name, f"{name} is nested more than {MOST_DEPTH} deep")


def check_abilities(asked: Asked, traits: TextTraits, *, top_name: str) -> None:
    """Nothing, if the model's engine can do what is asked. `top_name` = the field of alternatives.

    Errors: INVALID_ARGUMENT with reason PARAMETER_UNSUPPORTED naming the field.
    """
    if asked.texts > traits.most_texts:
        raise refused("n", f"n is {asked.texts}, and this model writes at most {traits.most_texts}")
    sampling = asked.sampling
    scored_again = asked.alternatives is not None and (asked.alternatives > 0 or asked.echo)
    wanted = {
        "seed": ("seed", sampling.seed is not None),
        "frequency_penalty": ("penalties", bool(sampling.frequency_penalty)),
        "presence_penalty": ("penalties", bool(sampling.presence_penalty)),
        "logit_bias": ("logit_bias", bool(sampling.logit_bias)),
        "response_format": ("json_schema", sampling.json_schema is not None),
        "logprobs": ("logprobs", asked.alternatives is not None),
        top_name: ("top_logprobs", scored_again),
    }
    for field, (ability, is_wanted) in wanted.items():
        if is_wanted and not has(traits.abilities, ability):
            raise unsupported(field, traits.engine)


def has(abilities: Abilities, name: str) -> bool:
    """Whether an engine can do this."""
    found: bool = getattr(abilities, name)
    return found


def wrong_kind(model: str, what: str) -> Exception:
    """The error for a model that does something else."""
    return refused("model", f"model {model} does not {what}", Reason.MODEL_KIND)
