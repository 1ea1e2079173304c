"""Models of other servers that take tensors or rows: what of their answers is believed."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import Kind, TensorRequest, TreeRequest
from dragoman.core.tensors import DType, Tensor
from tests.external.models import CALL, loaded
from tests.external.standin import Reply, StandIn, says, sends, standing_in

BINARY = says(200, {"name": "x", "extensions": ["binary_tensor_data"]})
NO_BINARY = says(200, {"name": "x", "extensions": []})
X = {"name": "x", "datatype": "FP32", "shape": [-1, 2]}
Y = {"name": "y", "datatype": "FP32", "shape": [-1]}
DESCRIBED = says(200, {"inputs": [X], "outputs": [Y]})
ASKED = TensorRequest("", {"x": Tensor(DType.FP32, np.array([[1, 2]], np.float32))})
TENSORS: dict[str, Any] = {
    "inputs": {"x": {"dtype": "float32", "shape": [-1, 2]}},
    "outputs": {"y": {"dtype": "int8", "shape": [-1]}},
}


def on_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await test()

    asyncio.run(bounded())


def raw_answer(document: Any, rest: bytes, length: int | None = None) -> Reply:
    head = json.dumps(document).encode()
    told = len(head) if length is None else length
    return sends(200, head + rest, {"inference-header-content-length": str(told)})


def output(**more: Any) -> dict[str, Any]:
    return {"outputs": [{"name": "y", "datatype": "FP32", "shape": [1], **more}]}


async def refusal(server: StandIn, protocol: str, request: Any, **more: Any) -> DragomanError:
    model = await loaded(server, protocol, **more)
    with pytest.raises(DragomanError) as caught:
        await model.answer(request, CALL)
    model.release()
    return caught.value


def test_tensors_go_as_json_to_a_server_without_the_binary_extension() -> None:
    async def test() -> None:
        answer = says(200, output(data=[0.1]))
        async with standing_in(NO_BINARY, DESCRIBED, answer) as server:
            model = await loaded(server, "v2", version="3")
            response = await model.answer(ASKED, CALL)
            model.release()
        assert server.asked[2].path == "/v2/models/mine/versions/3/infer"
        assert server.asked[2].document == {
            "inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1.0, 2.0]}]
        }
        assert response.outputs["y"].array.tolist() == [np.float32(0.1)]

    on_loop(test)


def test_parameters_and_wanted_outputs_go_along() -> None:
    async def test() -> None:
        answer = raw_answer(output(parameters={"binary_data_size": 4}), b"\0\0\x80\x3f")
        request = TensorRequest("", ASKED.inputs, ["y"], {"temperature": 0.5})
        async with standing_in(BINARY, DESCRIBED, answer) as server:
            model = await loaded(server, "v2")
            response = await model.answer(request, CALL)
            model.release()
        length = int(server.asked[2].headers["inference-header-content-length"])
        document = json.loads(server.asked[2].body[:length])
        assert document["parameters"] == {"temperature": 0.5}
        assert document["outputs"] == [{"name": "y", "parameters": {"binary_data": True}}]
        assert server.asked[2].body[length:] == ASKED.inputs["x"].array.tobytes()
        assert response.outputs["y"].array.tolist() == [1.0]

    on_loop(test)


def test_a_model_that_its_server_has_unloaded_is_not_well() -> None:
    async def test() -> None:
        async with standing_in(NO_BINARY, DESCRIBED, says(404, {"error": "no such model"})) as server:
            model = await loaded(server, "v2")
            await model.check()
            assert server.asked[2].path == "/v2/models/mine/ready"
            assert (
                model.trouble == "the external server of model mine knows no such model or path (status 404)"
            )
            model.release()

    on_loop(test)


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (sends(200, b"\xff"), "it is no JSON"),
        (says(200, []), "it is no JSON object"),
        (says(200, {}), "output 'y' is missing"),
        (says(200, {"outputs": {}}), "its outputs is of another kind"),
        (says(200, {"outputs": [5]}), "is looked for in what is no object"),
        (says(200, output()), "output 'y' has no data"),
        (says(200, output(data=[1, 2])), "cannot reshape"),
        (says(200, output(data=["a"])), "its values are no numbers"),
        (says(200, output(data=[1e39])), "its values are no float32"),
        (says(200, output(data=[[1], [1, 2]])), "inhomogeneous"),
        (says(200, output(data=[1], datatype="FP128")), "'FP128', which is none that is known"),
        (says(200, output(data=[1], datatype="INT8")), "output 'y' is int8"),
        (says(200, output(data=[1], shape=[-1])), "a tensor's shape is no list of sizes"),
        (says(200, output(data=[1], shape=[1] * 33)), "a tensor's shape is no list of sizes"),
        (says(200, output(data=[], shape=[0, 1 << 62, 1 << 62])), "an answer that is none"),
        (raw_answer(output(parameters={"binary_data_size": 4}), b"abc"), "4 bytes, and 3 are left"),
        (
            raw_answer(output(parameters={"binary_data_size": 3}), b"abc"),
            "3 bytes are no float32 of shape [1]",
        ),
        (raw_answer(output(parameters={"binary_data_size": -1}), b"abc"), "-1 bytes, and 3 are left"),
        (raw_answer(output(data=[1]), b"", 9999), "its JSON is said to be longer than all of it"),
        (
            raw_answer(output(datatype="BYTES", parameters={"binary_data_size": 5}), b"\xff\xff\xff\xffa"),
            "its texts are cut off",
        ),
    ],
)
def test_an_answer_of_v2_that_is_none_is_told_as_one(answer: Reply, what: str) -> None:
    async def test() -> None:
        async with standing_in(BINARY, DESCRIBED, answer) as server:
            error = await refusal(server, "v2", ASKED)
        assert error.code is Code.INTERNAL
        assert error.message.startswith("the external server of model mine gave an answer that is none: ")
        assert what in error.message

    on_loop(test)


@pytest.mark.parametrize(
    "metadata",
    [
        {}, {"inputs": [X]}, {"inputs": [X], "outputs": []},
        {"inputs": [{**X, "datatype": "X"}], "outputs": [Y]},
        {"inputs": [{**X, "shape": [-2]}], "outputs": [Y]}, {"inputs": [{**X, "name": ""}], "outputs": [Y]},
    ],
)  # fmt: skip
def test_metadata_that_tell_no_signature_keep_the_model_from_being_loaded(metadata: Any) -> None:
    async def test() -> None:
        async with standing_in(BINARY, says(200, metadata)) as server:
            with pytest.raises(DragomanError, match="gave an answer that is none"):
                await loaded(server, "v2")

    on_loop(test)


def test_rows_go_to_v1_as_they_are_where_no_tensors_are_declared() -> None:
    async def test() -> None:
        rows = [{"a": [1, None]}, "b", 2**70]
        async with standing_in(says(200, {}), says(200, {"predictions": [{"c": 1}, None]})) as server:
            model = await loaded(server, "v1", model="their own", version="7")
            response = await model.answer(TreeRequest("", rows), CALL)
            model.release()
        assert model.signatures["serving_default"].accepts == {Kind.TREE}
        assert server.asked[1].path == "/v1/models/their%20own/versions/7:predict"
        assert server.asked[1].document == {"instances": rows}
        assert response.rows == [{"c": 1}, None]

    on_loop(test)


def test_tensors_are_objects_for_v1_where_there_are_several() -> None:
    async def test() -> None:
        declared = {
            "inputs": {"x": {"dtype": "float32", "shape": [-1]}, "t": {"dtype": "string", "shape": [-1]}},
            "outputs": {"y": {"dtype": "int8", "shape": [-1]}, "u": {"dtype": "string", "shape": [-1]}},
        }
        texts = np.array([b"a", b"\xff"], np.object_)
        request = TensorRequest(
            "",
            {"x": Tensor(DType.FP32, np.array([1, 2], np.float32)), "t": Tensor(DType.BYTES, texts)},
        )
        predictions = [{"y": 1, "u": "p"}, {"y": -2, "u": {"b64": "/w=="}}]
        async with standing_in(says(200, {}), says(200, {"predictions": predictions})) as server:
            model = await loaded(server, "v1", **declared)
            response = await model.answer(request, CALL)
            model.release()
        assert server.asked[1].document == {
            "instances": [{"x": 1.0, "t": "a"}, {"x": 2.0, "t": {"b64": "/w=="}}]
        }
        assert response.outputs["y"].array.tolist() == [1, -2]
        assert response.outputs["u"].array.tolist() == [b"p", b"\xff"]

    on_loop(test)


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ({}, "it has no list of predictions"),
        ({"predictions": {"y": 1}}, "it has no list of predictions"),
        ({"predictions": ["a"]}, "its values are no numbers"),
        ({"predictions": [300]}, "its values are no int8"),
        ({"predictions": [0.5]}, "its values are no int8"),
        ({"predictions": [[1], [2]]}, "output 'y' is (2, 1), not (?,)"),
        ({"predictions": [[1], [2, 3]]}, "inhomogeneous"),
        ({"predictions": [None]}, "its values are no numbers"),
        ({"predictions": [10**400]}, "its values are no numbers"),
    ],
)
def test_predictions_that_are_not_what_is_declared_are_told_as_none(document: Any, what: str) -> None:
    async def test() -> None:
        async with standing_in(says(200, {}), says(200, document)) as server:
            error = await refusal(server, "v1", ASKED, **TENSORS)
        assert error.code is Code.INTERNAL
        assert what in error.message

    on_loop(test)
