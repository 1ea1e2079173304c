"""tensorflow.serving.PredictRequest and PredictResponse, which TensorFlow Serving's family speaks."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from dragoman.core.errors import invalid
from dragoman.core.responses import TensorResponse
from dragoman.core.tensors import Tensor
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.model_spec import read_model_spec, write_model_spec
from dragoman.wire.operation import Draft
from dragoman.wire.proto_fields import Data, as_data, field, fields, map_entry, text, varint
from dragoman.wire.tensor_proto import Written

# Keys in PredictRequest, in PredictResponse, and in an entry of their maps.
MODEL_SPEC: Final = 0x0A
INPUTS: Final = 0x12
OUTPUT_FILTER: Final = 0x1A
OUTPUTS: Final = 0x0A
ANSWERED_SPEC: Final = 0x12
NAME: Final = 0x0A
TENSOR: Final = 0x12

MAX_NAMES: Final = (
    4096  # of inputs and outputs: far more than any model has, and a bound on what parsing takes
)


class TensorsDraft(Draft):
    """A PredictRequest whose tensors are not read yet; `signature` is the resolved name, once bound."""

    inputs: dict[str, Data]
    outputs: list[str]
    limit_bytes: int
    signature: str = ""


def parse_predict(superset: bool, wire: WireRequest, limits: Limits) -> TensorsDraft:
    """The message's parts. Tensors wait for `bind_predict`: the reference looks the model up first.

    Errors: INVALID_ARGUMENT for what is no such message and for a missing or nameless ModelSpec.
    """
    spec: Data | None = None
    inputs: dict[str, Data] = {}
    outputs: list[str] = []
    for key, value in fields(as_data(wire.body)):
        if key == INPUTS:
            name, tensor = map_entry(value)
            inputs[name] = tensor
        elif key == MODEL_SPEC:
            spec = value if spec is None else bytes(spec) + bytes(value)
        elif key == OUTPUT_FILTER:
            outputs.append(text(value))
        if len(inputs) > MAX_NAMES or len(outputs) > MAX_NAMES:
            raise invalid(f"the request names more than {MAX_NAMES} inputs or outputs")
    return TensorsDraft(read_model_spec(spec, superset), inputs, outputs, limits.inflated_bytes)


def encode_predict(
    write: Callable[[Tensor], Written], draft: TensorsDraft, response: TensorResponse
) -> WireResponse:
    """A PredictResponse with the outputs that were asked for, or all; `write` is the form of its tensors."""
    parts: list[bytes] = []
    for name in draft.outputs or response.outputs:
        head, data = write(response.outputs[name])
        parts += (entry_head(name, head, len(data)), data)
    spec = write_model_spec(draft.target.model, response.version, draft.signature)
    parts.append(field(ANSWERED_SPEC, spec))
    return WireResponse(0, b"".join(parts))


@lru_cache(4096)
def entry_head(name: str, head: bytes, size: int) -> bytes:
    """An entry of the outputs up to the last `size` bytes of its tensor; much the same in every answer."""
    entry = b"%b%c%b%b" % (field(NAME, name.encode()), TENSOR, varint(len(head) + size), head)
    return b"%c%b%b" % (OUTPUTS, varint(len(entry) + size), entry)
