"""Example features -> the tensors of a model that takes tensors.

A SavedModel parses serialized Examples in its own graph; every other model needs the feature spec of its
`model.yaml`. All features here have a fixed length, as `tf.io.FixedLenFeature` has.
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, Final

import numpy as np

from dragoman.core.errors import invalid
from dragoman.core.requests import ExampleRequest, Feature, FeatureKind, TensorRequest
from dragoman.core.signatures import FeatureSpec, Signature
from dragoman.core.tensors import DType, Tensor

# Which lists of an Example may feed which element type. Whole numbers feed a float feature: in JSON 80 and
# 80.0 are the same number to most writers, though TensorFlow Serving makes an int64 and a float feature of
# them.
FEEDS: Final[Mapping[FeatureKind, frozenset[DType]]] = {
    FeatureKind.BYTES: frozenset({DType.BYTES}),
    FeatureKind.FLOAT: frozenset({DType.FP16, DType.BF16, DType.FP32, DType.FP64}),
    FeatureKind.INT64: frozenset(DType) - {DType.BYTES},
}


def tensors_from_examples(request: ExampleRequest, signature: Signature) -> TensorRequest:
    """Engine tensors of shape `(examples, *feature shape)`, keyed by the engine's input names.

    Errors: INVALID_ARGUMENT naming the example and the feature that is missing, of another type or length, or
    out of range.
    """
    specs = signature.features.values()
    inputs = {spec.source: Tensor(spec.dtype, gather(spec, request.examples)) for spec in specs}
    return TensorRequest(signature.source, inputs)


def gather(spec: FeatureSpec, examples: Sequence[Mapping[str, Feature]]) -> np.ndarray[Any, Any]:
    """One feature of every example, shape `(len(examples), *spec.shape)`."""
    values: list[Any] = []
    for index, example in enumerate(examples):
        values.extend(feature_values(spec, example.get(spec.name), index))
    shape = (len(examples), *spec.shape)
    if spec.dtype is DType.BYTES:
        array = np.empty(len(values), np.object_)
        array[:] = values
        return array.reshape(shape)
    try:
        if spec.dtype.is_integer:
            return np.array(values, spec.dtype.numpy).reshape(shape)
        with np.errstate(over="ignore"):  # beyond the type's range is infinity, as in a float_list
            return np.array(values, np.float64).astype(spec.dtype.numpy).reshape(shape)
    except OverflowError:
        raise invalid(f'feature "{spec.name}" holds a number out of range for {spec.dtype.value}') from None


def feature_values(spec: FeatureSpec, feature: Feature | None, index: int) -> Sequence[Any]:
    """The values that one example gives for one feature, or its default."""
    wanted = f'example {index}: feature "{spec.name}" ({spec.dtype.value})'
    if feature is None:
        if spec.default is None:
            raise invalid(f"{wanted} is required but could not be found")
        return spec.default
    if spec.dtype not in FEEDS[feature.kind]:
        raise invalid(f"{wanted} is given as {feature.kind.value}: data types don't match")
    if len(feature.values) != prod(spec.shape):
        raise invalid(f"{wanted} has {len(feature.values)} values, expected {prod(spec.shape)}")
    return feature.values
