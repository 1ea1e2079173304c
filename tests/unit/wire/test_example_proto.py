import math
import struct
from contextlib import suppress
from typing import Any, Final

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import DragomanError
from dragoman.core.requests import Feature, FeatureKind
from dragoman.wire.example_proto import read_example

FIELD: Final = descriptor_pb2.FieldDescriptorProto
LISTS: Final = {
    "bytes_list": (FeatureKind.BYTES, FIELD.TYPE_BYTES),
    "float_list": (FeatureKind.FLOAT, FIELD.TYPE_FLOAT),
    "int64_list": (FeatureKind.INT64, FIELD.TYPE_INT64),
}


def example_class() -> Any:
    """tf.train.Example as the protobuf package knows it, described here field by field."""
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="t", syntax="proto3")
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, (name, (_, kind)) in enumerate(LISTS.items(), 1):
        message = file.message_type.add(name=name.title())
        message.field.add(name="value", number=1, type=kind, label=FIELD.LABEL_REPEATED)
        feature.field.add(
            name=name,
            number=number,
            type=FIELD.TYPE_MESSAGE,
            type_name=f".t.{name.title()}",
            label=FIELD.LABEL_OPTIONAL,
            oneof_index=0,
        )
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=FIELD.TYPE_STRING, label=FIELD.LABEL_OPTIONAL)
    entry.field.add(
        name="value", number=2, type=FIELD.TYPE_MESSAGE, type_name=".t.Feature", label=FIELD.LABEL_OPTIONAL
    )
    features.field.add(
        name="feature",
        number=1,
        type=FIELD.TYPE_MESSAGE,
        type_name=".t.Features.FeatureEntry",
        label=FIELD.LABEL_REPEATED,
    )
    example = file.message_type.add(name="Example")
    example.field.add(
        name="features",
        number=1,
        type=FIELD.TYPE_MESSAGE,
        type_name=".t.Features",
        label=FIELD.LABEL_OPTIONAL,
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Example"))


EXAMPLE: Final = example_class()
VALUES: Final = {
    "bytes_list": st.lists(st.binary(max_size=5), max_size=4),
    "float_list": st.lists(st.floats(width=32, allow_nan=False), max_size=4),
    "int64_list": st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4),
}
FEATURES: Final = st.dictionaries(
    st.text(max_size=4).filter(lambda text: text.isprintable()),
    st.sampled_from(list(LISTS)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name])),
    max_size=4,
)


def serialized(features: dict[str, tuple[str, list[Any]]]) -> bytes:
    example = EXAMPLE()
    for name, (kind, values) in features.items():
        getattr(example.features.feature[name], kind).value.extend(values)
        if not values:
            getattr(example.features.feature[name], kind).SetInParent()
    data: bytes = example.SerializeToString()
    return data


def block(number: int, data: bytes) -> bytes:
    """A length-delimited field of less than 128 bytes."""
    return bytes([number << 3 | 2, len(data)]) + data


@given(FEATURES)
def test_what_protobuf_writes_is_read(features: dict[str, tuple[str, list[Any]]]) -> None:
    read = read_example(serialized(features))
    assert read == {
        name: Feature(LISTS[kind][0] if values else read[name].kind, values)
        for name, (kind, values) in features.items()
    }


@given(FEATURES, FEATURES)
def test_joined_messages_merge_as_protobuf_merges_them(one: Any, other: Any) -> None:
    read = read_example(serialized(one) + serialized(other))
    assert read == read_example(serialized(one)) | read_example(serialized(other))


@given(FEATURES, st.data())
def test_every_cut_is_read_or_refused_with_an_error_of_ours(features: Any, data: st.DataObject) -> None:
    whole = serialized(features)
    with suppress(DragomanError):
        read_example(whole[: data.draw(st.integers(0, len(whole)))])


@given(st.binary(max_size=60))
def test_any_bytes_that_protobuf_reads_too_read_alike(data: bytes) -> None:
    with suppress(DragomanError, DecodeError):
        read = read_example(data)
        features = EXAMPLE.FromString(data).features.feature
        assert read.keys() == features.keys()
        for name, feature in features.items():
            kind = feature.WhichOneof("kind")
            assert list(read[name].values) == list(getattr(feature, kind).value if kind else [])


def test_lists_that_are_not_packed_are_read() -> None:
    floats = b"".join(b"\x0d" + struct.pack("<f", value) for value in (1.5, -2.0))
    numbers = b"\x08\x05\x08" + b"\xff" * 9 + b"\x01"
    entries = block(1, block(1, b"f") + block(2, block(2, floats))) + block(
        1, block(1, b"i") + block(2, block(3, numbers))
    )
    assert read_example(block(1, entries)) == {
        "f": Feature(FeatureKind.FLOAT, [1.5, -2.0]),
        "i": Feature(FeatureKind.INT64, [5, -1]),
    }


def test_the_last_kind_of_a_feature_wins_and_equal_kinds_go_on() -> None:
    feature = block(1, block(1, b"a")) + block(3, b"\x08\x01") + block(3, b"\x08\x02")
    read = read_example(block(1, block(1, block(1, b"x") + block(2, feature))))
    assert read == {"x": Feature(FeatureKind.INT64, [1, 2])}


def test_unknown_fields_are_skipped() -> None:
    unknown = block(9, b"?") + b"\x50\x07" + b"\x59" + b"\0" * 8 + b"\x5d" + b"\0" * 4
    feature = unknown + block(3, unknown + b"\x08\x01")
    entry = unknown + block(1, b"x") + block(2, feature)
    assert read_example(unknown + block(1, unknown + block(1, entry))) == {
        "x": Feature(FeatureKind.INT64, [1])
    }


def test_nan_and_infinities_are_read() -> None:
    values = [math.nan, math.inf, -math.inf]
    feature = read_example(serialized({"x": ("float_list", values)}))["x"]
    assert np.array_equal(feature.values, values, equal_nan=True)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x0a", "a number is cut off"),
        (b"\x0a\x05ab", "a field is cut off"),
        (b"\x0b", "wire type 3 is not supported"),
        (b"\x00\x01", "a field has the number 0"),
        (b"\xff" * 11, "a number has more than 64 bits"),
        (block(1, block(1, block(1, b"\xff"))), "a text is no UTF-8"),
        (block(1, block(1, block(2, block(2, block(1, b"abc"))))), "a list of floats is cut off"),
        (block(1, block(1, block(2, block(3, block(1, b"\x80"))))), "a list of numbers is cut off"),
    ],
)
def test_what_is_no_example_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(DragomanError, match=why):
        read_example(data)
