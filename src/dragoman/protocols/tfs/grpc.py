"""Predict over gRPC: tensorflow.serving.PredictRequest and PredictResponse."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Final

import numpy as np

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.requests import CoreRequest
from dragoman.core.responses import TensorResponse
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor
from dragoman.protocols.tfs.errors import grpc_error, reworded
from dragoman.protocols.tfs.model_spec import read_model_spec, write_model_spec
from dragoman.settings.limits import Limits
from dragoman.wire.fitting import with_trailing_axis
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Draft
from dragoman.wire.proto_fields import Data, as_data, field, fields, map_entry, text, varint
from dragoman.wire.serialized import predict_request
from dragoman.wire.tensor_proto import Written, read_tensor

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


def bind_predict(superset: bool, draft: TensorsDraft, signature: Signature) -> CoreRequest:
    """Tensors for the signature's inputs.

    Errors: INVALID_ARGUMENT for names that are not the signature's, and for tensors that are none.
    Types and shapes are the engine's to refuse.
    """
    inputs, specs = draft.inputs, signature.inputs
    if inputs.keys() != specs.keys():
        check_names(inputs, specs)
    tensors = {}
    for name, spec in specs.items():
        data = inputs.get(name)
        if data is None:
            if spec.default is not None:
                tensors[name] = spec.default
            continue
        tensor = read_tensor(name, data, draft.limit_bytes)
        if tensor.dtype is not spec.dtype or not tensor.array.ndim or signature.add_trailing_axis:
            tensor = fitted(superset, tensor, spec, signature)
        tensors[name] = tensor
    if draft.outputs:
        check_filter(draft.outputs, signature)
    draft.signature = signature.name
    return predict_request(signature, tensors, draft.outputs or None)


def check_names(inputs: Mapping[str, Data], specs: Mapping[str, TensorSpec]) -> None:
    """The inputs are those of the signature; one that has a default may be left out.

    Errors: INVALID_ARGUMENT naming what is too much and what is missing.
    """
    missing = [name for name, spec in specs.items() if name not in inputs and spec.default is None]
    if missing and len(inputs) == len(specs):
        raise missing_input(missing[0], specs[missing[0]], inputs)
    if missing or inputs.keys() - specs.keys():
        raise wrong_count(inputs, specs)


def fitted(superset: bool, tensor: Tensor, spec: TensorSpec, signature: Signature) -> Tensor:
    """The tensor as the input takes it, where that needs no guessing.

    The superset takes what clients make of Python values: double for float, and one text for a list of one.
    It takes encoded images, too, where the input can be made of them.
    Errors: INVALID_ARGUMENT for encoded images where they are not taken.
    """
    dtype, array = tensor.dtype, tensor.array
    if dtype is DType.BYTES and spec.image is not None:
        if not superset:
            raise invalid(f'input "{spec.name}": {dtype.value} given, {spec.dtype.value} expected')
        return tensor
    if superset and dtype is DType.FP64 and spec.dtype is DType.FP32:
        with np.errstate(over="ignore"):  # beyond float32 is infinity, as in JSON
            dtype, array = DType.FP32, array.astype(np.float32)
    if superset and dtype is spec.dtype is DType.BYTES and not array.ndim and takes_one(spec):
        array = array.reshape((1,) * len(spec.shape or ()))
    return Tensor(dtype, with_trailing_axis(array, spec, signature))


def takes_one(spec: TensorSpec) -> bool:
    """Whether every size of the input may be 1."""
    return spec.shape is not None and all(size in (1, None) for size in spec.shape)


def check_filter(outputs: list[str], signature: Signature) -> None:
    """Every output that is asked for is one of the signature's, and is asked for once.

    Errors: INVALID_ARGUMENT naming the output.
    """
    seen = set()
    for name in outputs:
        if name not in signature.outputs:
            raise invalid(
                f"output tensor alias not found in signature: {name} "
                f"Outputs expected to be in the set {{{listed(signature.outputs)}}}."
            )
        if name in seen:
            raise invalid(f"duplicate output tensor alias: {name}")
        seen.add(name)


def wrong_count(inputs: Mapping[str, Data], specs: Mapping[str, TensorSpec]) -> DragomanError:
    """The error for too many or too few inputs."""
    missing = [name for name, spec in specs.items() if name not in inputs and spec.default is None]
    return invalid(
        f"input size does not match signature: {len(inputs)}!={len(specs)} "
        f"len({{{listed(inputs)}}}) != len({{{listed(specs)}}}). "
        f"Sent extra: {{{listed(inputs.keys() - specs.keys())}}}. "
        f"Missing but required: {{{listed(missing)}}}."
    )


def missing_input(name: str, spec: TensorSpec, inputs: Mapping[str, Data]) -> DragomanError:
    """The error for an input that another name stands in for."""
    return invalid(
        f"Signature input alias: {name}(feed name: {spec.tensor_name}) not found in request and no default "
        f"value provided. Inputs expected to be in the request {{{listed(inputs)}}}, or default input alias "
        "set: "
    )


def listed(names: Iterable[str]) -> str:
    """The names as the reference prints a set of them."""
    return ",".join(sorted(names))


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


def fail_predict(superset: bool, draft: Draft | None, error: DragomanError) -> WireResponse:
    """A failed predict in the reference's words."""
    return grpc_error(reworded(superset, draft, error, no_signature))


def no_signature(name: str) -> DragomanError:
    """The error for a signature that predict over gRPC does not find: another code than over REST."""
    return DragomanError(Code.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
