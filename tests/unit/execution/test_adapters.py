"""From what callers supply to what an engine takes."""

import numpy as np
import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import (
    CoreRequest,
    EmbedRequest,
    ExampleRequest,
    Feature,
    FeatureKind,
    Kind,
    PayloadRequest,
    TensorRequest,
    TreeRequest,
)
from dragoman.core.responses import TensorResponse
from dragoman.core.signatures import FeatureSpec, Signature, TensorSpec
from dragoman.core.tensors import DType
from dragoman.execution.adapters import ADAPTERS, KIND_OF, SignatureAdapter
from tests.unit.execution.models import NATIVE, ask, examples_signature, floats, spec

X = FeatureSpec("x", DType.FP32, (), "graph_x")


def example(kind: FeatureKind, *values: object) -> dict[str, Feature]:
    return {"x": Feature(kind, values)}


def adapt(*examples: dict[str, Feature], **features: FeatureSpec) -> TensorRequest:
    adapter = SignatureAdapter(examples_signature(**(features or {"x": X})), NATIVE)
    return adapter.to_engine(ExampleRequest("regress", examples))


def test_a_signature_of_the_engine_itself_passes_through_untouched() -> None:
    adapter = SignatureAdapter(NATIVE, NATIVE)
    request = ask(1.0)
    assert adapter.to_engine(request) is request
    response = TensorResponse({"y": floats(2.0)})
    assert adapter.from_engine(response, 7) is response
    assert response.version == 7


def test_aliases_become_the_engines_names_and_back() -> None:
    aliased = Signature("named", {"in": spec("in", "x")}, {"out": spec("out", "y")})
    adapter = SignatureAdapter(aliased, NATIVE)
    request = adapter.to_engine(TensorRequest("named", {"in": floats(1.0)}))
    assert (request.signature, list(request.inputs), request.outputs) == ("serving_default", ["x"], ["y"])
    response = adapter.from_engine(TensorResponse({"y": floats(3.0), "more": floats(4.0)}), 1)
    assert list(response.outputs) == ["out"]


def test_only_the_wanted_outputs_are_asked_for() -> None:
    two = Signature("two", {"x": spec("x")}, {"a": spec("a", "y"), "b": spec("b", "z")})
    request = SignatureAdapter(two, NATIVE).to_engine(TensorRequest("two", {"x": floats(1.0)}, ["b"]))
    assert request.outputs == ["z"]


def test_every_kind_of_request_that_holds_no_bodies_or_texts_has_a_way_to_tensors() -> None:
    assert set(KIND_OF.values()) == set(Kind)
    others = {Kind.PAYLOAD, Kind.TREE, Kind.GENERATE, Kind.CHAT, Kind.TOKENIZE, Kind.RANK}
    assert {given for given, _ in ADAPTERS} | {Kind.TENSORS} == set(Kind) - others


@pytest.mark.parametrize(
    "request_", [PayloadRequest("serving_default", []), TreeRequest("serving_default", [])]
)
def test_bodies_are_for_models_that_read_them(request_: CoreRequest) -> None:
    with pytest.raises(DragomanError, match=r"takes tensors, and the request holds (payload|tree)") as caught:
        SignatureAdapter(NATIVE, NATIVE).to_engine(request_)
    assert caught.value.code is Code.UNIMPLEMENTED


def test_a_kind_that_a_signature_does_not_take_is_unimplemented_and_both_kinds_are_named() -> None:
    with pytest.raises(DragomanError, match="takes examples, and the request holds tensors") as caught:
        SignatureAdapter(examples_signature(x=X), NATIVE).to_engine(ask(1.0))
    assert caught.value.code is Code.UNIMPLEMENTED
    with pytest.raises(DragomanError, match="takes tensors, and the request holds examples"):
        SignatureAdapter(NATIVE, NATIVE).to_engine(ExampleRequest("regress", []))


def test_texts_become_the_only_input_of_a_model_that_makes_vectors_of_them() -> None:
    given = {"t": TensorSpec("t", DType.BYTES, (None,), "graph_t")}
    signature = Signature("s", given, {"v": TensorSpec("v", DType.FP32, (None, 3), "v")})
    adapter = SignatureAdapter(signature, NATIVE)
    tensor = adapter.to_engine(EmbedRequest("s", ["alpha", "é"])).inputs["graph_t"]
    assert (tensor.dtype, tensor.array.tolist()) == (DType.BYTES, [b"alpha", "é".encode()])
    with pytest.raises(DragomanError, match="takes no tokens") as caught:
        adapter.to_engine(EmbedRequest("s", ["alpha", [1, 2]]))
    assert caught.value.param == "input"
    with pytest.raises(DragomanError, match="takes tensors, and the request holds embed"):
        SignatureAdapter(NATIVE, NATIVE).to_engine(EmbedRequest("s", ["alpha"]))


def test_examples_become_one_row_each() -> None:
    request = adapt(example(FeatureKind.FLOAT, 1.5), example(FeatureKind.FLOAT, 2.5))
    tensor = request.inputs["graph_x"]
    assert (tensor.dtype, tensor.array.dtype, tensor.array.tolist()) == (DType.FP32, np.float32, [1.5, 2.5])


def test_a_feature_of_a_shape_fills_it() -> None:
    square = FeatureSpec("x", DType.INT64, (2, 2), "graph_x")
    request = adapt(example(FeatureKind.INT64, 1, 2, 3, 4), x=square)
    assert request.inputs["graph_x"].array.tolist() == [[[1, 2], [3, 4]]]


def test_whole_numbers_feed_a_float_feature() -> None:
    assert adapt(example(FeatureKind.INT64, 80)).inputs["graph_x"].array.tolist() == [80.0]


def test_bytes_feed_a_bytes_feature() -> None:
    text = FeatureSpec("x", DType.BYTES, (), "graph_x")
    assert adapt(example(FeatureKind.BYTES, b"a\0b"), x=text).inputs["graph_x"].array.tolist() == [b"a\0b"]


def test_a_default_stands_in_for_a_missing_feature() -> None:
    optional = FeatureSpec("x", DType.FP32, (), "graph_x", default=(0.5,))
    assert adapt({}, x=optional).inputs["graph_x"].array.tolist() == [0.5]


def test_floats_beyond_the_type_become_infinite_without_a_warning() -> None:
    assert adapt(example(FeatureKind.FLOAT, 1e300)).inputs["graph_x"].array.tolist() == [float("inf")]


@pytest.mark.parametrize(
    ("given", "feature", "words"),
    [
        ({}, X, 'example 0: feature "x" .* is required'),
        (example(FeatureKind.BYTES, b"1"), X, "given as bytes: data types don't match"),
        (example(FeatureKind.FLOAT, 1.0, 2.0), X, "has 2 values, expected 1"),
        (example(FeatureKind.FLOAT), X, "has 0 values, expected 1"),
        (example(FeatureKind.FLOAT, 1.0), FeatureSpec("x", DType.INT64, (), "x"), "data types don't match"),
        (example(FeatureKind.INT64, 300), FeatureSpec("x", DType.UINT8, (), "x"), "out of range for uint8"),
    ],
)
def test_an_example_that_does_not_fit_is_refused_and_its_feature_named(
    given: dict[str, Feature], feature: FeatureSpec, words: str
) -> None:
    with pytest.raises(DragomanError, match=words) as caught:
        adapt(given, x=feature)
    assert caught.value.code is Code.INVALID_ARGUMENT
