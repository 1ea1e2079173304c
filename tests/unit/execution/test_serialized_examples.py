"""Examples for models that parse serialized ones themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.requests import ExampleRequest, Feature, FeatureKind, Kind
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import DType
from dragoman.execution.adapters import SignatureAdapter
from dragoman.execution.serialized_examples import write_example
from dragoman.wire.example_proto import read_example

PARSING = Signature(
    "regress",
    {"inputs": TensorSpec("inputs", DType.BYTES, (None,), "inputs")},
    {"outputs": TensorSpec("outputs", DType.FP32, (None, 1), "outputs")},
    source="regress",
    accepts=frozenset({Kind.TENSORS, Kind.EXAMPLES}),
)
FEATURES = st.one_of(
    st.builds(Feature, st.just(FeatureKind.BYTES), st.lists(st.binary(), min_size=1)),
    st.builds(
        Feature, st.just(FeatureKind.FLOAT), st.lists(st.floats(width=32, allow_nan=False), min_size=1)
    ),
    st.builds(Feature, st.just(FeatureKind.INT64), st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1)),
)


@given(st.dictionaries(st.text(), FEATURES))
def test_what_is_written_reads_as_it_was(example: dict[str, Feature]) -> None:
    assert read_example(write_example(example)) == example


def test_a_feature_without_values_is_missing_to_the_graph() -> None:
    # An entry with the key "x" and an empty Feature: no list, so no kind.
    assert write_example({"x": Feature(FeatureKind.FLOAT, [])}) == b"\n\x07\n\x05\n\x01x\x12\x00"


def test_a_number_beyond_float32_is_infinity() -> None:
    written = write_example({"x": Feature(FeatureKind.FLOAT, [1e300])})
    assert list(read_example(written)["x"].values) == [np.inf]


def test_examples_become_the_rows_of_the_one_input() -> None:
    examples = [{"x": Feature(FeatureKind.FLOAT, [1.0])}, {}]
    request = SignatureAdapter(PARSING, PARSING).to_engine(ExampleRequest("regress", examples))
    tensor = request.inputs["inputs"]
    assert (request.signature, tensor.dtype, tensor.array.shape) == ("regress", DType.BYTES, (2,))
    assert [read_example(row) for row in tensor.array] == examples


@pytest.mark.parametrize("count", [0, 1, 127, 128, 40_000])
def test_lengths_of_any_size_are_written(count: int) -> None:
    feature = Feature(FeatureKind.BYTES, [b"a" * count])
    assert read_example(write_example({"x": feature}))["x"] == feature
