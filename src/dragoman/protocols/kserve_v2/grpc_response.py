"""ModelInferResponse: the answer's tensors as raw bytes, as numbers, or as both.

Raw outputs are found by their position among all outputs: either every output has its bytes or none has.
Where one of them has no other form (FP16, BF16), or is large, no output has numbers.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from dragoman.core.responses import TensorResponse
from dragoman.core.tensors import DType, Tensor
from dragoman.protocols.kserve_v2.grpc_contents import FIELDS, write_contents
from dragoman.protocols.kserve_v2.grpc_request import InferDraft
from dragoman.wire.datatypes import DATATYPES
from dragoman.wire.messages import WireResponse
from dragoman.wire.operation import GrpcForm
from dragoman.wire.proto_fields import field, varint
from dragoman.wire.raw_tensors import write_raw
from dragoman.wire.v2.classification import classify

Part = bytes | memoryview

# Keys in ModelInferResponse.
MODEL: Final = 0x0A
VERSION: Final = 0x12
ID: Final = 0x1A
PARAMETER: Final = 0x22
OUTPUT: Final = 0x2A
RAW: Final = 0x32
# Keys in an output.
NAME: Final = 0x0A
DATATYPE: Final = 0x12
SHAPE: Final = 0x1A
CONTENTS: Final = 0x2A

BOTH_BYTES: Final = 1024 * 1024  # of a tensor: a larger one is not sent twice


def encode_infer(form: GrpcForm, draft: InferDraft, response: TensorResponse) -> WireResponse:
    """The outputs that were asked for, or all."""
    return WireResponse(0, b"".join(write_response(form, draft, response.outputs, response.version)))


def write_response(
    form: GrpcForm,
    draft: InferDraft,
    outputs: Mapping[str, Tensor],
    version: int | None,
    parameters: bytes = b"",
) -> list[Part]:
    """A serialized ModelInferResponse in parts; `parameters` = those that it carries, serialized."""
    parts: list[Part] = [answer_head(draft.target.model, version)]
    if draft.id:
        parts.append(field(ID, draft.id.encode()))
    if parameters:
        parts.append(parameters)
    tensors = chosen(draft, outputs) if draft.wanted else outputs
    write = explicit_parts if draft.explicit and form.explicit_reply != "raw" else raw_parts
    return parts + write(form, tensors)


def raw_parts(_: GrpcForm, tensors: Mapping[str, Tensor]) -> list[Part]:
    """The outputs as raw bytes."""
    parts: list[Part] = []
    raw: list[Part] = []
    for name, tensor in tensors.items():
        data = write_raw(tensor)
        parts.append(raw_field(name, tensor.dtype, tensor.array.shape))
        raw += (b"%c%b" % (RAW, varint(len(data))), data)
    return parts + raw


def explicit_parts(form: GrpcForm, tensors: Mapping[str, Tensor]) -> list[Part]:
    """The outputs as numbers, as raw bytes, or as both, as the form has it and all of them can be written.

    Each way has every output or none: MLServer's client counts raw outputs among those without numbers alone.
    """
    if any(tensor.dtype not in FIELDS for tensor in tensors.values()):
        return raw_parts(form, tensors)
    sizes = [tensor.array.size for tensor in tensors.values()]
    raw: list[Part] = []
    if form.explicit_reply == "both" and (all(sizes) or not any(sizes)):
        raw = [write_raw(tensor) for tensor in tensors.values()]
        if any(len(data) > BOTH_BYTES for data in raw):
            return raw_parts(form, tensors)
    parts: list[Part] = [
        explicit_field(name, tensor.dtype, tensor.array.shape, write_contents(tensor))
        for name, tensor in tensors.items()
    ]
    for data in raw:
        parts += (b"%c%b" % (RAW, varint(len(data))), data)
    return parts


def chosen(draft: InferDraft, outputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The outputs that were asked for, as they were; one part of a stream need not have all of them."""
    found, signature = {}, draft.signature
    for name, classes in draft.wanted:
        tensor = outputs.get(name)
        if tensor is None:
            continue
        if classes and signature is not None:
            tensor = classify(tensor, classes, signature.outputs[name], signature.classes)
        found[name] = tensor
    return found


@lru_cache(4096)
def answer_head(model: str, version: int | None) -> bytes:
    """The fields that tell who answered."""
    head = field(MODEL, model.encode())
    return head if version is None else head + field(VERSION, b"%d" % version)


def output_head(name: str, dtype: DType, shape: tuple[int, ...]) -> bytes:
    """What an output is."""
    head = field(NAME, name.encode()) + field(DATATYPE, DATATYPES[dtype].encode())
    return head + field(SHAPE, b"".join(map(varint, shape))) if shape else head


@lru_cache(4096)
def raw_field(name: str, dtype: DType, shape: tuple[int, ...]) -> bytes:
    """An output without numbers as a field of the answer; much the same in every answer."""
    return field(OUTPUT, output_head(name, dtype, shape))


def explicit_field(name: str, dtype: DType, shape: tuple[int, ...], contents: bytes | None) -> bytes:
    """An output with its numbers, where it has any."""
    if contents is None:
        return raw_field(name, dtype, shape)
    return field(OUTPUT, output_head(name, dtype, shape) + field(CONTENTS, contents))
