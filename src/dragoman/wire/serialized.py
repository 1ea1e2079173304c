"""Serialized Examples and signatures: which read them as tensors, and which take what they say."""

from collections.abc import Mapping, Sequence

import numpy as np

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.requests import CoreRequest, ExampleRequest, Feature, Kind, TensorRequest
from dragoman.core.signatures import Signature
from dragoman.core.tensors import DType, Tensor
from dragoman.wire.example_proto import read_example


def examples_request(signature: Signature, serialized: Sequence[bytes]) -> CoreRequest:
    """The request that these Examples are: as they came, where the model itself parses them.

    Errors: INVALID_ARGUMENT for bytes that are none; a model that parses them says so itself.
    """
    if signature.features or Kind.EXAMPLES not in signature.accepts:
        return ExampleRequest(signature.name, [read_example(example) for example in serialized])
    rows = np.empty(len(serialized), np.object_)
    rows[:] = serialized
    return TensorRequest(signature.name, {name: Tensor(DType.BYTES, rows) for name in signature.inputs})


def predict_request(
    signature: Signature, tensors: Mapping[str, Tensor], outputs: Sequence[str] | None = None
) -> CoreRequest:
    """The request that these tensors are to this signature.

    Errors: INVALID_ARGUMENT for what should be serialized Examples and is not.
    """
    if not signature.features or Kind.TENSORS in signature.accepts:
        return TensorRequest(signature.name, tensors, outputs)
    ((name, tensor),) = tensors.items()
    return ExampleRequest(signature.name, _examples(name, tensor))


def _examples(name: str, tensor: Tensor) -> list[dict[str, Feature]]:
    """The Examples that a classify or regress signature takes, one serialized message in each row."""
    if tensor.dtype is not DType.BYTES:
        raise invalid(f'input "{name}": {tensor.dtype.value} given, bytes expected')
    if tensor.array.ndim != 1:
        raise invalid(
            f'input "{name}" takes one serialized Example in each row, not shape {tensor.array.shape}'
        )
    return [_example(name, row, data) for row, data in enumerate(tensor.array)]


def _example(name: str, row: int, data: bytes) -> dict[str, Feature]:
    try:
        return read_example(data)
    except DragomanError as error:
        raise invalid(f'input "{name}", row {row}: {error.message}') from None
