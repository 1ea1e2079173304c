"""Predict over gRPC: tensorflow.serving.PredictRequest and PredictResponse."""

from collections.abc import Iterable, Mapping

import numpy as np

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.requests import CoreRequest, TensorRequest
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor
from dragoman.protocols.tfs.errors import grpc_error, reworded
from dragoman.wire.fitting import with_trailing_axis
from dragoman.wire.messages import WireResponse
from dragoman.wire.operation import Draft
from dragoman.wire.predict_message import TensorsDraft
from dragoman.wire.proto_fields import Data
from dragoman.wire.serialized import predict_request
from dragoman.wire.tensor_proto import read_tensor


def bind_predict(superset: bool, draft: TensorsDraft, signature: Signature) -> CoreRequest:
    """Tensors for the signature's inputs; as they came, for a model that says nothing of its own.

    Errors: INVALID_ARGUMENT for names that are not the signature's, and for tensors that are none.
    Types and shapes are the engine's to refuse.
    """
    inputs, specs = draft.inputs, signature.inputs
    if signature.untyped:
        draft.signature = signature.name
        given = {name: read_tensor(name, data, draft.limit_bytes) for name, data in inputs.items()}
        return TensorRequest(signature.name, given, draft.outputs or None)
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


def fail_predict(superset: bool, draft: Draft | None, error: DragomanError) -> WireResponse:
    """A failed predict in the reference's words."""
    return grpc_error(reworded(superset, draft, error, no_signature))


def no_signature(name: str) -> DragomanError:
    """The error for a signature that predict over gRPC does not find: another code than over REST."""
    return DragomanError(Code.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
