"""What is asked of a text, in the fields of OpenAI's API, and of vLLM's where that has none.

A field that our caller did not give is not given to the other server either, so that its own defaults hold.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dragoman.core.generation import Asked, Ids
from dragoman.core.requests import ChatRequest

# Fields that are called as `Sampling` has them.
NUMBERS: Final = (
    "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "frequency_penalty", "presence_penalty",
    "seed",
)  # fmt: skip
EFFORT: Final = "reasoning_effort"
BEGINS: Final = "add_generation_prompt"
TOOLS: Final = "tools"
ANY_OBJECT: Final = {"type": "object"}


def asked_fields(asked: Asked) -> dict[str, Any]:
    """What prompts and conversations have in common, but for how many tokens may be written."""
    sampling = asked.sampling
    fields: dict[str, Any] = {
        name: value for name in NUMBERS if (value := getattr(sampling, name)) is not None
    }
    given = {
        "min_tokens": sampling.min_tokens,
        "ignore_eos": sampling.ignore_end,
        "stop_token_ids": list(sampling.stop_ids),
        "stop": list(asked.stop),
        "include_stop_str_in_output": asked.keeps_stop,
    }
    fields |= {name: value for name, value in given.items() if value}
    if asked.texts > 1:
        fields["n"] = asked.texts
    if asked.shows_special:
        fields["skip_special_tokens"] = False
    if sampling.logit_bias:
        fields["logit_bias"] = {str(token): bias for token, bias in sampling.logit_bias.items()}
    if sampling.json_schema is not None:
        fields["response_format"] = response_format(json.loads(sampling.json_schema))
    return fields


def response_format(schema: Any) -> dict[str, Any]:
    """The form that a text has to keep to."""
    if schema == ANY_OBJECT:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def completion_fields(asked: Asked, prompts: Sequence[str | Ids]) -> dict[str, Any]:
    """What continues prompts."""
    fields = asked_fields(asked)
    fields["prompt"] = prompts[0] if len(prompts) == 1 and isinstance(prompts[0], str) else list(prompts)
    if asked.sampling.max_tokens is not None:
        fields["max_tokens"] = asked.sampling.max_tokens
    if asked.alternatives is not None:
        fields["logprobs"] = asked.alternatives
    if asked.echo:
        fields["echo"] = True
    return fields


def chat_fields(asked: Asked, messages: Sequence[Mapping[str, Any]], tokens_name: str) -> dict[str, Any]:
    """What continues a conversation; `tokens_name` = the field of how many tokens may be written."""
    fields = asked_fields(asked)
    fields["messages"] = [message_fields(message) for message in messages]
    if asked.sampling.max_tokens is not None:
        fields[tokens_name] = asked.sampling.max_tokens
    if asked.alternatives is not None:
        fields["logprobs"] = True
        if asked.alternatives:
            fields["top_logprobs"] = asked.alternatives
    return fields


def variable_fields(request: ChatRequest) -> dict[str, Any]:
    """What a conversation's template is told, in fields where it has some."""
    given = dict(request.variables)
    fields: dict[str, Any] = {name: given.pop(name) for name in (TOOLS, EFFORT) if name in given}
    if not given.pop(BEGINS, True):
        fields[BEGINS] = False
    if request.continues:
        fields["continue_final_message"] = True
    if given:
        fields["chat_template_kwargs"] = given
    return fields


def message_fields(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message as it is sent: the arguments of calls are texts there."""
    calls = message.get("tool_calls")
    if not calls:
        return dict(message)
    return {
        **message,
        "content": message["content"] or None,
        "tool_calls": [sent_call(call) for call in calls],
    }


def sent_call(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call of a tool in the past."""
    function = call["function"]
    return {**call, "function": {"name": function["name"], "arguments": json.dumps(function["arguments"])}}
