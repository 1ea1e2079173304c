"""Prompts for models that write text, in the form that TorchServe's handlers of such models read.

`{"prompt": "...", "max_new_tokens": 50, "stream": true}`: the prompt also under the input's own name, and
all other keys are parameters. What is streamed is the text itself, as those handlers send it.
"""

from collections.abc import Mapping
from typing import Final

from dragoman.core.errors import invalid
from dragoman.core.requests import Scalar, TensorRequest
from dragoman.core.tensors import Tensor
from dragoman.core.text_signature import PROMPT, TEXT
from dragoman.protocols.torchserve.reading import Asking, Read, Reading
from dragoman.protocols.torchserve.values import is_one_row
from dragoman.wire.json_tree import JsonObject, JsonValue, excerpt
from dragoman.wire.rows import read_columns

NAMES: Final = (PROMPT, "prompt")
STREAM: Final = "stream"
TOKENS: Final = "max_tokens"
OTHER_NAMES: Final = {"max_new_tokens": TOKENS}


def is_prompt(value: JsonObject) -> bool:
    """Whether an object has a prompt in it."""
    return any(name in value for name in NAMES)


def read_prompt(value: JsonObject, asking: Asking) -> Read:
    """The request of a prompt with its parameters. Of its two names that of the input counts.

    Errors: INVALID_ARGUMENT for a prompt that is no text, and for what is no parameter.
    """
    name = next(name for name in NAMES if name in value)
    given = value[name]
    if not isinstance(given, str | list):
        raise invalid(f"'{name}' must be a text, not {excerpt(given)}")
    streams = value.get(STREAM)
    if streams is not None and type(streams) is not bool:
        raise invalid(f"'{STREAM}' must be true or false, not {excerpt(streams)}")
    one_row = is_one_row(given, asking.signature.inputs[PROMPT])
    tensors = read_columns({PROMPT: [given] if one_row else given}, asking.signature)
    request = TensorRequest(asking.signature.name, tensors, parameters=read_parameters(value))
    return Reading(one_row=one_row, streams=bool(streams)), request


def read_parameters(value: JsonObject) -> dict[str, Scalar]:
    """What is said besides the prompt; null says nothing.

    Errors: INVALID_ARGUMENT for lists and objects.
    """
    found: dict[str, Scalar] = {}
    for key, each in value.items():
        if key in NAMES or key == STREAM or each is None:
            continue
        name = OTHER_NAMES.get(key, key)
        if name == key or name not in value:
            found[name] = as_scalar(key, each)
    return found


def as_scalar(key: str, value: JsonValue) -> Scalar:
    """A parameter's value.

    Errors: INVALID_ARGUMENT naming the parameter.
    """
    if isinstance(value, bool | int | float | str):
        return value
    raise invalid(f"parameter '{key}' must be a number, a text, true or false, not {excerpt(value)}")


def written_text(outputs: Mapping[str, Tensor]) -> bytes:
    """What one part adds to a text."""
    return b"".join(outputs[TEXT].array.reshape(-1).tolist())
