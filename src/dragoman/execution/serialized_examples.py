"""Examples -> the string tensor of a model that parses serialized ones in its own graph.

    Example  { Features features = 1; }
    Features { map<string, Feature> feature = 1; }      an entry is { string key = 1; Feature value = 2; }
    Feature  { oneof { BytesList = 1; FloatList = 2; Int64List = 3; } }      each is { repeated value = 1; }

A feature without values is written without a kind, as TensorFlow Serving writes an empty JSON list: to the
graph it is missing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from dragoman.core.requests import ExampleRequest, Feature, FeatureKind, TensorRequest
from dragoman.core.signatures import Signature
from dragoman.core.tensors import DType, Tensor

FIRST: Final = 1 << 3 | 2  # field 1 and field 2, each with a length
SECOND: Final = 2 << 3 | 2
KINDS: Final = {
    FeatureKind.BYTES: 1 << 3 | 2,
    FeatureKind.FLOAT: 2 << 3 | 2,
    FeatureKind.INT64: 3 << 3 | 2,
}


def serialized_tensor(request: ExampleRequest, signature: Signature) -> TensorRequest:
    """The signature's one input: a serialized Example in each row."""
    (spec,) = signature.inputs.values()
    array = np.empty(len(request.examples), np.object_)
    array[:] = [write_example(example) for example in request.examples]
    return TensorRequest(signature.source, {spec.source: Tensor(DType.BYTES, array)})


def write_example(example: Mapping[str, Feature]) -> bytes:
    """A serialized Example."""
    entries = (
        field(FIRST, name.encode()) + field(SECOND, write_feature(feature))
        for name, feature in example.items()
    )
    return field(FIRST, b"".join([field(FIRST, entry) for entry in entries]))


def write_feature(feature: Feature) -> bytes:
    """A serialized Feature, its numbers packed."""
    values: Sequence[Any] = feature.values
    if not values:
        return b""
    if feature.kind is FeatureKind.BYTES:
        items = b"".join([field(FIRST, value) for value in values])
    elif feature.kind is FeatureKind.FLOAT:
        with np.errstate(over="ignore"):  # beyond float32 is infinity, as in TensorFlow Serving
            items = field(FIRST, np.array(values, np.float64).astype("<f4").tobytes())
    else:
        items = field(FIRST, b"".join([varint(value & 0xFFFF_FFFF_FFFF_FFFF) for value in values]))
    return field(KINDS[feature.kind], items)


def field(key: int, value: bytes) -> bytes:
    """A length-delimited field."""
    return b"%c%b%b" % (key, varint(len(value)), value)


def varint(number: int) -> bytes:
    """The bytes of an unsigned number."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
