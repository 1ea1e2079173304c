"""What callers say of explanations, and how these are written."""

import json
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import Code, DragomanError
from dragoman.core.explanation import Wish
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import ExplainResponse
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor
from dragoman.wire.explanation import Form, explain_request, explanation_headers, is_named, write_explanations

ONE: Final = Signature("s", {"x": TensorSpec("x", DType.FP32, (None, 2), "x")}, {})
REQUEST: Final = TensorRequest("s", {})
KEYS: Final = ("method", "output", "target", "baseline", "budget", "seed", "with_predictions", "format")

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def wish(**parameters: Any) -> Wish:
    return explain_request(REQUEST, {"parameters": parameters}, ONE)[0].wish


def numbers(*values: Any) -> Tensor:
    return Tensor(DType.FP64, np.array(values, np.float64))


def written(form: Form, **attributions: Any) -> Any:
    tensors = {name: numbers(*values) for name, values in attributions.items()}
    return json.loads(write_explanations(form, ExplainResponse(tensors, "shapley", "0")))


@given(st.dictionaries(st.sampled_from(KEYS), anything), anything)
def test_whatever_is_said_is_a_wish_or_an_error_that_names_the_key(said: Any, other: Any) -> None:
    for parameters in (said, other):
        found = outcome(parameters)
        if isinstance(found, DragomanError):
            assert found.code is Code.INVALID_ARGUMENT
            assert found.message.startswith("parameters")


def outcome(parameters: Any) -> Any:
    try:
        return explain_request(REQUEST, {"parameters": parameters}, ONE)
    except DragomanError as error:
        return error


def test_all_that_may_be_said_is_read() -> None:
    found = wish(
        method="shapley", output="y", target=[1, 2], baseline=[1, 2], budget=9, seed=7, with_predictions=True
    )
    assert (found.method, found.output, found.target) == ("shapley", "y", (1, 2))
    assert (found.budget, found.seed, found.predictions) == (9, 7, True)
    assert found.baseline["x"].array.tolist() == [[1.0, 2.0]]
    assert wish(target=3).target == (3,)
    assert wish(baseline="mean").baseline == "mean"
    assert wish(baseline=2).baseline == 2.0
    assert wish(target=None, baseline=None, budget=None).target is None


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"target": -1}, "parameters.target: -1 is given, and a whole number from 0"),
        ({"target": 1.5}, "parameters.target: 1.5 is given"),
        ({"target": []}, "parameters.target: [] is given"),
        ({"budget": 0}, "parameters.budget: 0 is given, and a whole number from 1"),
        ({"seed": 2**80}, f"parameters.seed: {2**80} is given"),
        ({"target": [-(2**70)]}, f"parameters.target: [{-(2**70)}] is given"),
        ({"seed": -1}, "parameters.seed: -1 is given"),
        ({"baseline": "median"}, 'parameters.baseline: "median" is given, and a number, "mean", or a row'),
        ({"baseline": True}, "parameters.baseline: true is given"),
        ({"baseline": [1, "a"]}, "parameters.baseline: "),
        ({"with_predictions": 1}, "parameters.with_predictions: 1 is given, and true or false expected"),
        ({"format": "html"}, 'parameters.format: "html" is given, and plain or shap expected'),
        ({"method": 3}, "parameters.method: 3 is given, and a text expected"),
    ],
)
def test_a_parameter_of_another_kind_is_named(parameters: Any, words: str) -> None:
    with pytest.raises(DragomanError) as caught:
        wish(**parameters)
    assert caught.value.message.startswith(words)


def test_parameters_are_an_object() -> None:
    with pytest.raises(DragomanError, match="parameters: an object is expected, not Array"):
        explain_request(REQUEST, {"parameters": [1]}, ONE)


def test_the_form_of_shap_has_predictions_beside_it() -> None:
    request, shap = explain_request(REQUEST, {"parameters": {"format": "shap"}}, ONE)
    assert (shap, request.wish.predictions) == (True, True)


def test_explanations_have_the_form_of_the_request() -> None:
    assert written(Form(), x=[[1, 2], [3, 4]]) == [[1, 2], [3, 4]]
    assert written(Form(named=True), x=[[1, 2], [3, 4]]) == [{"x": [1, 2]}, {"x": [3, 4]}]
    assert written(Form(), x=[1, 2], y=[[3], [4]]) == [{"x": 1, "y": [3]}, {"x": 2, "y": [4]}]
    assert written(Form(by_row=False, named=True), x=[1, 2]) == {"x": [1, 2]}
    assert written(Form(by_row=False), x=[1, 2]) == [1, 2]
    assert written(Form(by_row=False, named=True), x=[1], y=[2]) == {"x": [1], "y": [2]}


def test_shap_values_of_several_inputs_are_in_their_order() -> None:
    assert written(Form(shap=True), x=[1, 2]) == [{"shap_values": [1]}, {"shap_values": [2]}]
    assert written(Form(shap=True), x=[[1, 2]]) == [{"shap_values": [1, 2]}]
    assert written(Form(shap=True), x=[1, 2], y=[3, 4]) == [{"shap_values": [1, 3]}, {"shap_values": [2, 4]}]


@pytest.mark.parametrize(
    ("value", "named"),
    [([1], False), ([{"x": 1}], True), ({"x": [1]}, True), ([{"b64": "AA=="}], False), ([], False)],
)
def test_what_is_named_is_seen(value: Any, named: bool) -> None:
    assert is_named(value) is named


def test_how_and_against_what_is_told_in_headers() -> None:
    headers = explanation_headers(ExplainResponse({}, "shapley; pairs=4", "mean of ünïcode\u2603.csv"))
    assert headers == [
        (b"x-explain-method", b"shapley; pairs=4"),
        (b"x-explain-baseline", "mean of ünïcode?.csv".encode("latin-1")),
    ]
