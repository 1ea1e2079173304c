"""Classify, Regress and MultiInference over gRPC."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import DragomanError
from dragoman.core.responses import TensorResponse
from dragoman.core.tensors import DType, Tensor
from dragoman.protocols.tfs.grpc_examples import (
    CLASSIFY,
    bind_task,
    classification_result,
    parse_task,
    parse_tasks,
    regression_result,
)
from dragoman.wire.messages import WireRequest
from dragoman.wire.proto_fields import field
from dragoman.wire.protobuf import message_class
from tests.unit.protocols.tfs.grpc_reference import (
    INVALID_ARGUMENT,
    NOT_FOUND,
    OK,
    PREDICTION,
    SERVING,
    UNIMPLEMENTED,
    GrpcCodec,
    example,
)
from tests.unit.protocols.tfs.reference import HALF_PLUS_TWO, LIMITS

STRICT: Final = GrpcCodec("tfserving")
CLASSIFICATION: Final = message_class("tensorflow.serving.ClassificationResult")
REGRESSION: Final = message_class("tensorflow.serving.RegressionResult")
Pairs = list[list[tuple[str, float]]]


def request(
    kind: str, signature: str, *examples: Any, context: Any = None, model: str = "half_plus_two"
) -> Any:
    message = SERVING[f"{kind}Request"](model_spec={"name": model, "signature_name": signature})
    if context is not None:
        message.input.example_list_with_context.context.CopyFrom(context)
        message.input.example_list_with_context.examples.extend(examples)
    elif examples:
        message.input.example_list.examples.extend(examples)
    return message


def classify(*examples: Any, signature: str = "classify_x_to_y", **extra: Any) -> Any:
    return STRICT.call(f"{PREDICTION}/Classify", request("Classification", signature, *examples, **extra))


def regress(*examples: Any, signature: str = "regress_x_to_y", **extra: Any) -> Any:
    return STRICT.call(f"{PREDICTION}/Regress", request("Regression", signature, *examples, **extra))


def values(response: Any) -> list[float]:
    assert response.status == OK, response.message
    answered = SERVING["RegressionResponse"].FromString(response.body)
    return [regression.value for regression in answered.result.regressions]


def pairs(result: Any) -> Pairs:
    return [[(each.label, each.score) for each in row.classes] for row in result.classifications]


def test_regress_answers_one_value_for_each_example() -> None:
    response = regress(example(x=2.0), example(x=4.0))
    assert values(response) == [4.0, 5.0]
    spec = SERVING["RegressionResponse"].FromString(response.body).model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("half_plus_two", 2, "regress_x_to_y")


def test_classify_answers_labels_and_scores_for_each_example() -> None:
    response = classify(example(x=2.0), example(x=4.0))
    answered = SERVING["ClassificationResponse"].FromString(response.body)
    assert pairs(answered.result) == [[("", 4.0)], [("", 5.0)]]
    assert answered.model_spec.signature_name == "classify_x_to_y"


def test_features_of_the_context_lie_below_each_examples_own() -> None:
    assert values(regress(example(), example(x=4.0), context=example(x=2.0))) == [4.0, 5.0]


def test_without_examples_the_input_is_empty() -> None:
    assert regress().message == "Input is empty."
    assert regress(context=example(x=2.0)).message == "Input is empty."


def test_the_model_and_the_signature_are_looked_up_before_examples_are_read() -> None:
    unknown = regress(model="nope")
    assert (unknown.status, unknown.message) == (NOT_FOUND, "Servable not found for request: Latest(nope)")
    nameless = regress(signature="nope")
    wanted = "No signature was found with the name: nope"
    assert (nameless.status, nameless.message) == (INVALID_ARGUMENT, wanted)


def test_a_signature_for_something_else_is_refused() -> None:
    response = classify(example(x=2.0), signature="regress_x_to_y")
    assert response.status == INVALID_ARGUMENT
    assert response.message.startswith("Expected classification signature outputs to contain at least one of")
    assert regress(example(x=2.0), signature="").message.startswith("No regression inputs found in Signature")


def test_an_example_that_is_none_is_refused() -> None:
    body = field(0x0A, field(0x0A, b"half_plus_two") + field(0x1A, b"regress_x_to_y"))
    body += field(0x12, field(0x0A, field(0x0A, b"\xff")))
    response = STRICT.call(f"{PREDICTION}/Regress", body)
    assert response.status == INVALID_ARGUMENT
    assert response.message.startswith("Could not parse example input")


def test_the_kind_of_input_that_comes_last_counts() -> None:
    listed = request("Regression", "regress_x_to_y", example(x=2.0)).SerializeToString()
    last = request("Regression", "", example(), context=example(x=8.0), model="").SerializeToString()
    assert values(STRICT.call(f"{PREDICTION}/Regress", listed + last[last.index(b"\x12") :])) == [7.0]


def test_fields_that_are_not_known_are_skipped() -> None:
    later = field(0x7A, b"later")
    message = field(0x0A, field(0x0A, b"half_plus_two") + field(0x1A, b"regress_x_to_y"))
    examples = field(0x0A, example(x=2.0).SerializeToString()) + later
    message += field(0x12, later + field(0x0A, examples)) + later
    assert values(STRICT.call(f"{PREDICTION}/Regress", message)) == [4.0]


def test_a_request_without_a_model_spec_is_refused() -> None:
    for method in ("Classify", "Regress"):
        assert STRICT.call(f"{PREDICTION}/{method}", b"").message == "Missing ModelSpec"


def response_of(**arrays: Any) -> TensorResponse:
    made = {}
    for name, value in arrays.items():
        array = np.array(value)
        dtype = DType.BYTES if array.dtype.kind in "SO" else DType(array.dtype.name)
        made[name] = Tensor(dtype, array.astype(dtype.numpy))
    return TensorResponse(made)


@pytest.mark.parametrize(
    ("outputs", "names", "expected"),
    [
        (
            {"classes": [[b"a", b"\xff"]], "scores": [[1.0, 2.0]]},
            (),
            [[("a", 1.0), ("\N{REPLACEMENT CHARACTER}", 2.0)]],
        ),
        ({"classes": [[b"a"], [b"b"]]}, (), [[("a", 0.0)], [("b", 0.0)]]),
        ({"scores": [[1.0, 2.0]]}, ("one",), [[("one", 1.0), ("", 2.0)]]),
        ({"scores": [1.0, 2.0]}, (), [[("", 1.0)], [("", 2.0)]]),
        ({"scores": np.zeros((2, 0))}, (), [[], []]),
    ],
)
def test_classes_and_scores_are_paired(
    outputs: dict[str, Any], names: Sequence[str], expected: Pairs
) -> None:
    result = CLASSIFICATION.FromString(classification_result(response_of(**outputs), names))
    assert pairs(result) == expected


def test_values_beyond_float_are_infinite() -> None:
    result = REGRESSION.FromString(regression_result(response_of(outputs=[1e300, -1.5]), ()))
    assert [each.value for each in result.regressions] == [np.inf, -1.5]


def multi(*tasks: tuple[str, str], examples: int = 2, model: str = "half_plus_two", **spec: Any) -> Any:
    message = SERVING["MultiInferenceRequest"]()
    for signature, method in tasks:
        message.tasks.add(
            model_spec={"name": model, "signature_name": signature, **spec},
            method_name=f"tensorflow/serving/{method}",
        )
    for index in range(examples):
        message.input.example_list.examples.append(example(x=2.0 * (index + 1)))
    return message


def call(message: Any) -> Any:
    return STRICT.call(f"{PREDICTION}/MultiInference", message)


BOTH: Final = (("classify_x_to_y", "classify"), ("regress_x_to_y", "regress"))


def test_several_signatures_are_asked_in_one_request() -> None:
    response = call(multi(*BOTH, version={"value": 1}))
    assert response.status == OK
    first, second = SERVING["MultiInferenceResponse"].FromString(response.body).results
    assert pairs(first.classification_result) == [[("", 3.0)], [("", 4.0)]]
    assert [each.value for each in second.regression_result.regressions] == [3.0, 4.0]
    specs = [(each.model_spec.name, each.model_spec.version.value) for each in (first, second)]
    assert specs == [("half_plus_two", 1)] * 2
    assert [each.model_spec.signature_name for each in (first, second)] == [name for name, _ in BOTH]


def other_model() -> Any:
    message = multi(*BOTH)
    message.tasks[1].model_spec.name = "other"
    return message


@pytest.mark.parametrize(
    ("message", "status", "why"),
    [
        (multi(), INVALID_ARGUMENT, "ModelSpec has no name specified."),
        (
            other_model(),
            INVALID_ARGUMENT,
            "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
        ),
        (
            multi(BOTH[1], BOTH[1]),
            INVALID_ARGUMENT,
            "Duplicate evaluation of signature: regress_x_to_y",
        ),
        (
            multi(("", "predict")),
            UNIMPLEMENTED,
            "Unsupported signature method_name: tensorflow/serving/predict",
        ),
        (multi(*BOTH, examples=0), INVALID_ARGUMENT, "Input is empty."),
        (multi(*BOTH, model="nope"), NOT_FOUND, "Servable not found for request: Latest(nope)"),
        (
            multi(("nope", "regress")),
            INVALID_ARGUMENT,
            "Requested signature not found in model graph: no such signature",
        ),
        (field(0x0A, b"") * 2, INVALID_ARGUMENT, "Missing ModelSpec"),
    ],
)
def test_tasks_that_do_not_go_together_are_refused(message: Any, status: int, why: str) -> None:
    response = call(message)
    assert (response.status, response.message) == (status, why)


def test_thousands_of_tasks_are_refused() -> None:
    assert call(multi(*[(f"s{i}", "regress") for i in range(1025)])).message == (
        "the request has more than 1024 tasks"
    )


CORPUS: Final = [
    request("Classification", "classify_x_to_y", example(x=2.0)).SerializeToString(),
    request("Regression", "", example(a=b"t", b=[1, 2]), context=example(x=1.0)).SerializeToString(),
    multi(*BOTH).SerializeToString(),
]


@given(
    body=st.sampled_from(CORPUS),
    start=st.integers(0, 120),
    size=st.integers(0, 4),
    noise=st.binary(max_size=4),
)
def test_a_damaged_message_is_taken_or_refused_with_an_error_of_ours(
    body: bytes, start: int, size: int, noise: bytes
) -> None:
    wire = WireRequest("POST", "", "", [], body[:start] + noise + body[start + size :])
    with suppress(DragomanError):
        bind_task(parse_task(True, CLASSIFY, wire, LIMITS), HALF_PLUS_TWO["classify_x_to_y"])
    with suppress(DragomanError):
        for part in parse_tasks(True, wire, LIMITS).parts:
            bind_task(part, HALF_PLUS_TWO["regress_x_to_y"])
