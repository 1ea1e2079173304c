"""Bodies for models that take tensors: every rule of docs/protocols/torchserve.md, and wrong ones."""

import base64
import json
from typing import Any, Final

import numpy as np
import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.images import ImageSpec
from dragoman.core.requests import PayloadPart, Target, TensorRequest
from dragoman.core.responses import TensorResponse
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor
from dragoman.protocols.torchserve.bodies import read_body
from dragoman.protocols.torchserve.reading import Asking, Reading
from dragoman.protocols.torchserve.written import write_tensors
from dragoman.settings.limits import Limits
from dragoman.wire.forms import MULTIPART, Form, read_form
from dragoman.wire.messages import WireRequest
from tests.unit.protocols.tfs.reference import ADD_SUB, BYTES_OUT, HALF_PLUS_TWO, TWO_OUT, signature, spec
from tests.unit.protocols.torchserve.scene import Served

PIXELS: Final = signature(
    [TensorSpec("image", DType.FP32, (None, 2, 2, 3), "image",
                image=ImageSpec(DType.FP32, None, 2, 2, 3))],
    [spec("scores", DType.FP32, (None, 2))],
)  # fmt: skip
PNG: Final = b"\x89PNG\r\n\x1a\n..."
B64: Final = base64.b64encode(PNG).decode()
IMAGE: Final = [[[0.0] * 3] * 2] * 2
CURL: Final = "application/x-www-form-urlencoded"
HALF: Final = HALF_PLUS_TWO["serving_default"]
ADD: Final = {"INPUT0": [1] * 16, "INPUT1": [2] * 16}


def read(body: Any, kind: str | None = None, to: Signature = HALF) -> tuple[Reading, TensorRequest]:
    """The request that a body is; what is no text and no bytes is sent as JSON."""
    data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    headers = [] if kind is None else [(b"content-type", kind.encode())]
    wire = WireRequest("POST", "/", "", headers, data)
    reading, request = read_body(wire, read_form(wire), Asking(Target("m"), to, Limits()))
    assert isinstance(request, TensorRequest)
    return reading, request


def form(*parts: tuple[str, Any, str | None], to: Signature) -> tuple[Reading, TensorRequest]:
    """The request that a form is."""
    made = [
        PayloadPart(name, value if isinstance(value, bytes) else json.dumps(value).encode(), kind)
        for name, value, kind in parts
    ]
    asking = Asking(Target("m"), to, Limits())
    reading, request = read_body(WireRequest("POST", "/", "", [], b""), Form(made, MULTIPART), asking)
    assert isinstance(request, TensorRequest)
    return reading, request


def arrays(request: TensorRequest) -> dict[str, Any]:
    return {name: tensor.array.tolist() for name, tensor in request.inputs.items()}


# Models that say nothing of their tensors

UNTYPED: Final = Signature("serving_default", {}, {}, untyped=True)
NO_TYPES: Final = "the model does not say of what types its inputs are: send them with their types"


@pytest.mark.parametrize(
    "body", [[1, 2], {"x": [1]}, {"data": [1]}, {"a": 1, "b": 2}, {"instances": [1]}, {"inputs": [1]}, 3.5]
)
def test_numbers_without_a_type_are_refused_where_none_is_known(body: Any) -> None:
    with pytest.raises(DragomanError, match=NO_TYPES) as caught:
        read(body, to=UNTYPED)
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_so_are_parts_of_a_form() -> None:
    for parts in ([("x", [1], None)], [("a", 1, None), ("b", 2, None)], [("a", 1, None), ("a", 2, None)]):
        with pytest.raises(DragomanError, match=NO_TYPES):
            form(*parts, to=UNTYPED)


def test_tensors_of_v2_say_their_types_themselves() -> None:
    tensor = {"name": "x", "datatype": "INT8", "shape": [2], "data": [1, 2]}
    _, request = read({"inputs": [tensor]}, to=UNTYPED)
    assert request.inputs["x"].dtype is DType.INT8


# JSON


@pytest.mark.parametrize("body", [
    [1, 2], {"data": [1, 2]}, {"body": [1, 2]}, {"body": {"data": [1, 2]}}, {"x": [1, 2]},
    {"instances": [1, 2]}, {"instances": [{"x": 1}, {"x": 2}]}, {"inputs": [1, 2]}, {"inputs": {"x": [1, 2]}},
    [{"x": 1}, {"x": 2}], {"data": [{"x": 1}, {"x": 2}]}, {"inputs": [{"x": 1}, {"x": 2}]},
])  # fmt: skip
@pytest.mark.parametrize("kind", [None, "application/json", CURL, "text/plain", "application/octet-stream"])
def test_rows_come_in_every_form_that_users_send_whatever_their_type(body: Any, kind: str | None) -> None:
    reading, request = read(body, kind)
    assert arrays(request) == {"x": [1.0, 2.0]}
    assert (reading.one_row, reading.v2) == (False, None)


@pytest.mark.parametrize("body", [5, {"data": 5}, {"x": 5}])
@pytest.mark.parametrize("kind", [None, "application/json", CURL])
def test_one_row_may_come_without_a_list_around_it(body: Any, kind: str | None) -> None:
    reading, request = read(body, kind)
    assert (reading.one_row, arrays(request)) == (True, {"x": [5.0]})


@pytest.mark.parametrize(("body", "one_row"), [([1, 2], True), ([[1, 2]], False), ({"x": [1, 2]}, True)])
def test_whether_it_is_one_row_follows_from_the_inputs_rank(body: Any, one_row: bool) -> None:
    reading, request = read(body, to=TWO_OUT)
    assert (reading.one_row, arrays(request)) == (one_row, {"x": [[1.0, 2.0]]})


@pytest.mark.parametrize(("body", "one_row"), [
    (ADD, True), ({"data": ADD}, True), ({"inputs": {n: [v] for n, v in ADD.items()}}, False), ([ADD], False),
    ({n: [v] for n, v in ADD.items()}, False), ({"instances": [ADD]}, False), ({"inputs": [ADD]}, False),
])  # fmt: skip
def test_several_inputs_come_by_name(body: Any, one_row: bool) -> None:
    reading, request = read(body, to=ADD_SUB)
    assert (reading.one_row, arrays(request)) == (one_row, {name: [row] for name, row in ADD.items()})


def test_names_of_inputs_go_before_every_other_meaning_of_a_key() -> None:
    odd = signature([spec("data", DType.FP32, (None,)), spec("inputs", DType.FP32, (None,))], [])
    assert arrays(read({"data": [1], "inputs": [2]}, to=odd)[1]) == {"data": [1.0], "inputs": [2.0]}


def test_tensors_of_v2_are_taken_with_the_outputs_and_the_id_that_they_ask_for() -> None:
    tensor = {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}
    reading, request = read({"id": "7", "inputs": [tensor], "outputs": [{"name": "diff"}]}, to=TWO_OUT)
    assert (arrays(request), request.outputs) == ({"x": [[1.0, 2.0]]}, ["diff"])
    assert reading.v2 is not None
    assert reading.v2.id == "7"


def test_a_large_block_of_numbers_is_read_as_a_small_one_is() -> None:
    rows = [[float(i), 0.5] for i in range(10_000)]
    for key in ("instances", "inputs"):
        _, request = read({key: rows}, to=TWO_OUT)
        assert request.inputs["x"].array.shape == (10_000, 2)
    with pytest.raises(DragomanError):
        read({"instances": [[1, 2, 3]] * 10_000}, to=ADD_SUB)


def test_compressed_bodies_are_inflated() -> None:
    import gzip

    wire = WireRequest("POST", "/", "", [(b"Content-Encoding", b"gzip")], gzip.compress(b"[1,2]"))
    _, request = read_body(wire, read_form(wire), Asking(Target("m"), HALF, Limits()))
    assert isinstance(request, TensorRequest)
    assert arrays(request) == {"x": [1.0, 2.0]}


@pytest.mark.parametrize(("body", "to", "told"), [
    ("", HALF, "the body is empty; the model takes x"),
    ("hello", HALF, "the body is no JSON, which the model takes x in"),
    ({"y": 1}, HALF, "has the keys y, and the model the inputs x; or give instances, inputs, or data"),
    ({"x": 1, "y": 1}, HALF, "the request has the keys x, y"),
    ({}, HALF, "the request has the keys none"),
    ({"data": [1], "body": [1]}, HALF, "the request has the keys body, data"),
    ([1, 2], ADD_SUB, "the request names no input, and the model has INPUT0, INPUT1"),
    ({"INPUT0": [1] * 16}, ADD_SUB, "Missing named input: INPUT1"),
    ({"data": ["a"]}, HALF, 'JSON Value: "a" Type: String is not of expected type: float'),
    ({"instances": 1}, HALF, "Expecting 'instances' to be an list/array"),
    ({"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}],
      "outputs": [{"name": "y", "parameters": {"classification": 1}}]}, HALF, "classification is for /v2"),
    ({"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [1]}]}, HALF, "data-type is 'FP64'"),
    ([[1, 2], [3]], TWO_OUT, "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
    (None, HALF, "JSON Value: null Type: Null"),
])  # fmt: skip
def test_a_body_that_is_wrong_is_told_what_would_be_right(body: Any, to: Signature, told: str) -> None:
    with pytest.raises(DragomanError) as caught:
        read(body, to=to)
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert told in caught.value.message


# Images and texts


@pytest.mark.parametrize(("body", "kind"), [
    (PNG, None), (PNG, "image/png"), (PNG, "application/octet-stream"), (B64, "text/plain"),
    (json.dumps(B64), None), ({"data": B64}, None), ({"body": {"b64": B64}}, None), ({"image": B64}, None),
    ({"image": {"b64": B64}}, "application/json"),
])  # fmt: skip
def test_one_image_is_one_row(body: Any, kind: str | None) -> None:
    reading, request = read(body, kind, PIXELS)
    assert reading.one_row
    assert request.inputs["image"].dtype is DType.BYTES
    assert arrays(request) == {"image": [PNG]}


@pytest.mark.parametrize("body", [
    [B64, B64], {"data": [B64, B64]}, {"instances": [{"b64": B64}] * 2}, {"inputs": [{"b64": B64}] * 2},
    {"image": [B64, B64]}, [{"image": {"b64": B64}}] * 2,
])  # fmt: skip
def test_several_images_are_rows(body: Any) -> None:
    reading, request = read(body, to=PIXELS)
    assert (reading.one_row, arrays(request)) == (False, {"image": [PNG, PNG]})


@pytest.mark.parametrize(("body", "one_row"), [(IMAGE, True), ([IMAGE], False), ({"data": IMAGE}, True)])
def test_an_image_may_come_as_numbers(body: Any, one_row: bool) -> None:
    reading, request = read(body, to=PIXELS)
    assert reading.one_row is one_row
    assert request.inputs["image"].array.shape == (1, 2, 2, 3)


@pytest.mark.parametrize(("body", "kind"), [
    ("hello", None), ("hello", "text/plain"), ("[hello", "text/plain; charset=utf-8"), (b"\xff", None),
    ("hello", CURL),
])  # fmt: skip
def test_a_text_is_one_element_of_an_input_of_texts(body: Any, kind: str | None) -> None:
    reading, request = read(body, kind, BYTES_OUT)
    assert reading.one_row
    assert arrays(request) == {"image_bytes": [body if isinstance(body, bytes) else body.encode()]}


def test_texts_in_json_are_texts() -> None:
    assert arrays(read(["a", "b"], to=BYTES_OUT)[1]) == {"image_bytes": [b"a", b"b"]}
    assert arrays(read('"a"', to=BYTES_OUT)[1]) == {"image_bytes": [b"a"]}


@pytest.mark.parametrize(("shape", "given"), [((), ()), ((None, 1), (1, 1)), (None, (1,)), ((1,), (1,))])
def test_an_element_has_the_rank_of_its_input(shape: Any, given: tuple[int, ...]) -> None:
    text = signature([spec("t", DType.BYTES, shape)], [])
    assert read("hello", to=text)[1].inputs["t"].array.shape == given


# Forms


def test_a_part_under_any_name_is_the_only_inputs_body() -> None:
    assert arrays(form(("data", [1, 2], None), to=HALF)[1]) == {"x": [1.0, 2.0]}
    assert arrays(form(("data", PNG, "image/png"), to=PIXELS)[1]) == {"image": [PNG]}
    assert arrays(form(("image", PNG, None), to=PIXELS)[1]) == {"image": [PNG]}


def test_parts_of_one_name_are_rows() -> None:
    for name in ("data", "image"):
        reading, request = form((name, PNG, "image/png"), (name, b"BM", None), to=PIXELS)
        assert (reading.one_row, arrays(request)) == (False, {"image": [PNG, b"BM"]})
    for name in ("data", "x"):
        reading, request = form((name, [1, 2], None), (name, [3, 4], None), to=TWO_OUT)
        assert (reading.one_row, arrays(request)) == (False, {"x": [[1.0, 2.0], [3.0, 4.0]]})


def test_each_part_may_be_an_input() -> None:
    reading, request = form(("INPUT0", [1] * 16, None), ("INPUT1", [2] * 16, "application/json"), to=ADD_SUB)
    assert (reading.one_row, arrays(request)) == (True, {name: [row] for name, row in ADD.items()})
    mixed = signature([PIXELS.inputs["image"], spec("n", DType.INT64, (None,))], [])
    reading, request = form(("image", PNG, "image/png"), ("n", 3, None), to=mixed)
    assert (reading.one_row, arrays(request)) == (True, {"image": [PNG], "n": [3]})


@pytest.mark.parametrize(("parts", "told"), [
    ([], "the form has no parts"),
    ([("INPUT0", [1] * 16, None)], "the form has no part for the inputs INPUT1"),
    ([("a", 1, None), ("INPUT0", 1, None)], "the parts INPUT0, a, and the model the inputs INPUT0, INPUT1"),
    ([("data", [1], None)], "the request names no input"),
    ([("INPUT0", b"{", None), ("INPUT1", b"{", None)], "JSON Parse error"),
])  # fmt: skip
def test_a_form_that_is_wrong_is_told_what_would_be_right(parts: list[Any], told: str) -> None:
    with pytest.raises(DragomanError) as caught:
        form(*parts, to=ADD_SUB)
    assert told in caught.value.message


# Answers


def written(reading: Reading, **arrays: Any) -> Any:
    outputs = {name: Tensor(DType.FP32, np.array(array, np.float32)) for name, array in arrays.items()}
    answer = write_tensors("m", reading, TensorResponse(outputs, 3))
    assert answer.content_type == b"application/json"
    return json.loads(bytes(answer.body))


def test_one_output_is_its_rows_and_several_are_an_object_by_name() -> None:
    assert written(Reading(), y=[[1, 2], [3, 4]]) == [[1, 2], [3, 4]]
    assert written(Reading(), y=[1], z=[[2]]) == {"y": [1], "z": [[2]]}
    assert written(Reading(key="predictions"), y=[1]) == {"predictions": [1]}


def test_one_row_is_answered_for_without_a_list_where_all_outputs_have_one() -> None:
    assert written(Reading(one_row=True), y=[[1, 2]], z=[3]) == {"y": [1, 2], "z": 3}
    assert written(Reading(one_row=True), y=[[1, 2]], z=3.0) == {"y": [[1, 2]], "z": 3}
    assert written(Reading(one_row=True), y=[1, 2]) == [1, 2]


def test_v2_is_answered_as_v2() -> None:
    tensor = {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}
    reading, _ = read({"id": "7", "inputs": [tensor]}, to=TWO_OUT)
    assert written(reading, sum=[3]) == {
        "model_name": "m",
        "model_version": "3",
        "id": "7",
        "outputs": [{"name": "sum", "datatype": "FP32", "shape": [1], "data": [3]}],
    }


# The whole way


@pytest.mark.parametrize("dialect", ["torchserve", "superset"])
def test_models_of_tensors_answer_predictions(dialect: str) -> None:
    served = Served(dialect=dialect, reference=["half_plus_two", "two_out"])
    for path in ("half_plus_two", "half_plus_two/1.0", "half_plus_two/1.0/"):
        answer = served.ask("POST", f"/predictions/{path}", "[1,2]")
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        assert json.loads(answer.body) == [2.5, 3.0]
    assert json.loads(served.ask("PUT", "/predictions/two_out", "[1,2]").body) == {"sum": 3.0, "diff": -1.0}
    for path in ("two_out/1.0/more", "two_out/2.0"):
        assert served.ask("POST", f"/predictions/{path}", "[1,2]").status == 404
    refused = json.loads(served.ask("GET", "/predictions/two_out").body)
    assert (refused["code"], refused["message"]) == (400, "the body is empty; the model takes x")
    assert served.ask("POST", "/explanations/two_out", "[1,2]").status == 501


def test_on_its_own_listener_they_answer_kserves_paths_too() -> None:
    served = Served(reference=["half_plus_two"])
    answer = served.ask("POST", "/v1/models/half_plus_two:predict", '{"instances": [1, 2]}')
    assert json.loads(answer.body) == {"predictions": [2.5, 3.0]}
    tensor = {"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2]}
    v2 = served.ask("POST", "/v2/models/half_plus_two/infer", json.dumps({"inputs": [tensor]}))
    assert json.loads(v2.body)["outputs"][0]["data"] == [2.5, 3.0]
    told = json.loads(served.ask("POST", "/v2/models/half_plus_two/infer", "{}").body)
    assert told == {"error": "'inputs' is missing"}
    unknown = served.ask("POST", "/v2/models/nope/infer", "{}")
    assert json.loads(unknown.body)["type"] == "ModelNotFoundException"
    older = served.ask("POST", "/half_plus_two/predict?x=y", "[1]")
    assert json.loads(older.body) == [2.5]
