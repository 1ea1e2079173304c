import json
from typing import Any, Final

import numpy as np
import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import Feature, FeatureKind, Target
from dragoman.core.responses import TensorResponse
from dragoman.core.signatures import Method, Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor
from dragoman.protocols.tfs.examples import ExamplesDraft, read_examples
from dragoman.protocols.tfs.results import bind_classify, bind_regress, encode_classify, encode_regress
from tests.unit.protocols.tfs.reference import HALF_PLUS_TWO, Codec, example_signature

STRICT: Final = Codec("tfserving")
SUPERSET: Final = Codec("superset")
PATH: Final = "/v1/models/half_plus_two/versions/1"
DRAFT: Final = ExamplesDraft(Target("m"), [])


def error(method: str, body: Any, codec: Codec = STRICT) -> tuple[int, str]:
    response = codec.answer("POST", f"{PATH}:{method}", json.dumps(body).encode())
    return response.status, json.loads(bytes(response.body))["error"]


def fault(document: Any) -> str:
    with pytest.raises(DragomanError) as caught:
        read_examples(document)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


@pytest.mark.parametrize(
    ("value", "kind", "values"),
    [
        (80, FeatureKind.INT64, [80]),
        (80.0, FeatureKind.FLOAT, [80.0]),
        (True, FeatureKind.INT64, [1]),
        ([True, 7], FeatureKind.INT64, [1, 7]),
        ([-(2**63), 2**63 - 1], FeatureKind.INT64, [-(2**63), 2**63 - 1]),
        (1e20, FeatureKind.FLOAT, [1e20]),
        ("é", FeatureKind.BYTES, ["é".encode()]),
        ({"b64": "/9g="}, FeatureKind.BYTES, [b"\xff\xd8"]),
        (["a", {"b64": "Yg=="}], FeatureKind.BYTES, [b"a", b"b"]),
        ([], FeatureKind.FLOAT, []),
    ],
)
def test_the_first_element_fixes_the_kind_of_a_feature(
    value: Any, kind: FeatureKind, values: list[Any]
) -> None:
    assert read_examples({"examples": [{"x": value}]}) == [{"x": Feature(kind, values)}]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([10, 10.0], "Unexpected element type in feature: x expecting type: int64"),
        ([10.0, 10], "Unexpected element type in feature: x expecting type: float"),
        (["a", 1], "Unexpected element type in feature: x expecting type: bytes"),
        ([10, None], "Feature: x has element with unexpected JSON type: Null"),
        (None, "Feature: x has element with unexpected JSON type: Null"),
        ([[10], 20], "Feature: x has element with unexpected JSON type: Array"),
        ({"test": 10}, "Feature: x has element with unexpected JSON type: Object"),
        ([10, {"b64": 1}], "Feature: x has element with unexpected JSON type: Object"),
        ([20, 2**64 - 13], "Feature: x has uint64_t element. Only int64_t is supported."),
        ({"b64": "_-"}, "Unable to base64 decode"),
    ],
)
def test_a_feature_is_refused_in_the_references_words(value: Any, message: str) -> None:
    assert fault({"examples": [{}, {"x": value}]}) == message


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "JSON Value: {} When method is classify, key 'examples' is expected and was not found"),
        ({"examples": {}}, "JSON Value: {\"examples\":{}} Expecting 'examples' value to be an list/array"),
        ({"examples": []}, "JSON Value: {\"examples\":[]} 'examples' value is an empty array"),
        ({"examples": [[]]}, "Example must be JSON object but got JSON Array"),
        ({"examples": [{}, 1]}, "Example must be JSON object but got JSON Number"),
        ({"context": [], "examples": [{}]}, "Example must be JSON object but got JSON Array"),
    ],
)
def test_a_body_without_examples_is_refused(document: Any, message: str) -> None:
    assert fault(document) == message


def test_context_features_lie_below_each_examples_own() -> None:
    document: Any = {"context": {"a": 1, "b": 2}, "examples": [{}, {"b": [3.0]}]}
    one, other = Feature(FeatureKind.INT64, [1]), Feature(FeatureKind.INT64, [2])
    assert read_examples(document) == [
        {"a": one, "b": other},
        {"a": one, "b": Feature(FeatureKind.FLOAT, [3.0])},
    ]


def test_examples_are_read_before_the_model_is_looked_up() -> None:
    response = STRICT.answer("POST", "/v1/models/nope:regress", b'{"examples":[{"x":null}]}')
    assert response.status == 400


@pytest.mark.parametrize("method", ["classify", "regress"])
def test_an_unknown_signature_is_worded_for_examples(method: str) -> None:
    body = {"signature_name": "nope", "examples": [{}]}
    assert error(method, body) == (400, "No signature was found with the name: nope")


@pytest.mark.parametrize("method", ["CLASSIFY", "Regress"])
def test_the_method_words_are_compared_exactly(method: str) -> None:
    assert error(method, {"examples": [{}]}) == (400, f"Malformed request: POST {PATH}:{method}")


def test_the_superset_answers_under_both_names() -> None:
    body = b'{"signature_name":"regress_x_to_y","examples":[{"x":80.0}]}'
    assert STRICT.answer("POST", f"{PATH}:regress", body).body == b'{"results":[42.0]}'
    assert SUPERSET.answer("POST", f"{PATH}:regress", body).body == b'{"results":[42.0],"result":[42.0]}'


def test_a_predict_signature_neither_classifies_nor_regresses() -> None:
    plain = HALF_PLUS_TWO["serving_default"]
    shown = r"serving_default \(inputs: x; outputs: y\)"
    with pytest.raises(DragomanError, match=f"^No classification inputs found in SignatureDef: {shown}"):
        bind_classify(DRAFT, plain)
    with pytest.raises(DragomanError, match=f"^No regression inputs found in SignatureDef: {shown}"):
        bind_regress(DRAFT, plain)


def test_a_regress_signature_does_not_classify_nor_the_other_way_round() -> None:
    with pytest.raises(DragomanError, match=r'at least one of "classes" or "scores"'):
        bind_classify(DRAFT, example_signature(Method.REGRESS, "outputs"))
    with pytest.raises(DragomanError, match=r"^No regression outputs found in SignatureDef"):
        bind_regress(DRAFT, example_signature(Method.CLASSIFY, "scores"))


def test_a_regression_has_one_value_for_each_example() -> None:
    with pytest.raises(DragomanError, match=r"^No regression outputs found"):
        bind_regress(DRAFT, example_signature(Method.REGRESS, "outputs", (None, 2)))
    for shape in ((None,), (None, 1), (None, None)):
        signature = example_signature(Method.REGRESS, "outputs", shape)
        assert bind_regress(DRAFT, signature).signature == "regress_x_to_y"


def test_a_regress_output_may_be_a_column() -> None:
    response = TensorResponse({"outputs": floats([[1.5], [np.nan]])})
    assert encode_regress(False, DRAFT, response).body == b'{"results":[1.5,NaN]}'


@pytest.mark.parametrize("values", [1.0, [[1.0, 2.0]], [[[1.0]]]])
def test_a_regress_output_of_another_shape_is_the_models_fault(values: Any) -> None:
    with pytest.raises(DragomanError, match=r"expected outputs of shape \[batch_size\]") as caught:
        encode_regress(False, DRAFT, TensorResponse({"outputs": floats(values)}))
    assert caught.value.code is Code.INTERNAL


def floats(values: Any) -> Tensor:
    return Tensor(DType.FP32, np.array(values, np.float32))


def labels(values: Any) -> Tensor:
    return Tensor(DType.BYTES, np.array(values, np.object_))


@pytest.mark.parametrize(
    ("outputs", "names", "results"),
    [
        ({"scores": floats([3.0, 7.0])}, (), [[["", 3.0]], [["", 7.0]]]),
        ({"scores": floats([[0.25, 0.75]])}, (), [[["", 0.25], ["", 0.75]]]),
        ({"scores": floats([[1, 2, 3]])}, ("a", "b"), [[["a", 1.0], ["b", 2.0], ["", 3.0]]]),
        ({"classes": labels([[b"x", b"\xff"]])}, (), [[["x", 0.0], ["\ufffd", 0.0]]]),
        ({"classes": labels([b"x", b"y"])}, ("a",), [[["x", 0.0]], [["y", 0.0]]]),
        ({"classes": labels([["é".encode()]]), "scores": floats([[0.5]])}, (), [[["é", 0.5]]]),
        ({"scores": floats(np.empty((0, 3)))}, (), []),
        ({"scores": floats(np.empty((2, 0)))}, (), [[], []]),
    ],
)
def test_classes_are_pairs_of_label_and_score(outputs: Any, names: tuple[str, ...], results: Any) -> None:
    draft = ExamplesDraft(Target("m"), [], names)
    response = encode_classify(False, draft, TensorResponse(outputs))
    assert json.loads(bytes(response.body)) == {"results": results}


def test_scores_may_be_nan() -> None:
    response = encode_classify(False, DRAFT, TensorResponse({"scores": floats([np.nan, -np.inf])}))
    assert response.body == b'{"results":[[["",NaN]],[["",-Infinity]]]}'


@pytest.mark.parametrize(
    "outputs",
    [
        {"scores": floats([[[1.0]]])},
        {"scores": floats(1.0)},
        {"scores": floats([[1.0, 2.0]]), "classes": labels([[b"x"]])},
    ],
)
def test_classes_of_another_shape_are_the_models_fault(outputs: Any) -> None:
    with pytest.raises(DragomanError, match="the model's answer does not fit its signature") as caught:
        encode_classify(False, DRAFT, TensorResponse(outputs))
    assert caught.value.code is Code.INTERNAL


def test_a_signatures_class_names_label_the_scores() -> None:
    draft = ExamplesDraft(Target("m"), [])
    spec = {"scores": TensorSpec("scores", DType.FP32, (None, 2), "s")}
    inputs = {"inputs": TensorSpec("inputs", DType.BYTES, (None,), "inputs")}
    bind_classify(draft, Signature("c", inputs, spec, classes=("cat", "dog")))
    response = encode_classify(False, draft, TensorResponse({"scores": floats([[0.5, 0.25]])}))
    assert response.body == b'{"results":[[["cat",0.5],["dog",0.25]]]}'
