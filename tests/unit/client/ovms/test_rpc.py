"""Calls over gRPC: what is sent, and what is read from answers."""

from typing import Any

import numpy as np
import pytest

from dragoman.client.errors import BadAnswer
from dragoman.client.exchange import Answer
from dragoman.client.ovms import make_tensor_proto
from dragoman.client.ovms.rpc import RpcCodec, read_metadata, read_predictions, read_status
from dragoman.client.ovms.tensors import read_output
from dragoman.wire.protobuf import message_class

CODEC = RpcCodec()


def message(name: str, **fields: Any) -> Any:
    return message_class(f"tensorflow.serving.{name}")(**fields)


def sent(exchange: Any, name: str) -> Any:
    return message_class(f"tensorflow.serving.{name}").FromString(b"".join(exchange.request.body))


def test_inputs_are_sent_by_name() -> None:
    inputs = {"x": np.arange(6.0).reshape(2, 3), "texts": ["one", b"two"], "made": make_tensor_proto([1])}
    exchange = CODEC.predict(inputs, "m", 3)
    request = sent(exchange, "PredictRequest")
    assert exchange.request.path == "/tensorflow.serving.PredictionService/Predict"
    assert (request.model_spec.name, request.model_spec.version.value) == ("m", 3)
    arrays = {name: read_output(name, tensor.SerializeToString()) for name, tensor in request.inputs.items()}
    assert {name: (array.dtype.name, array.tolist()) for name, array in arrays.items()} == {
        "x": ("float64", [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]),
        "texts": ("bytes24", [b"one", b"two"]),
        "made": ("int32", [1]),
    }


@pytest.mark.parametrize("call", ["Predict", "GetModelMetadata", "GetModelStatus"])
def test_version_0_is_not_sent(call: str) -> None:
    exchanges: dict[str, Any] = {
        "Predict": CODEC.predict({}, "m", 0),
        "GetModelMetadata": CODEC.metadata("m", 0),
        "GetModelStatus": CODEC.status("m", 0),
    }
    spec = sent(exchanges[call], f"{call}Request").model_spec
    assert spec.name == "m"
    assert not spec.HasField("version")


def test_metadata_asks_for_the_signatures() -> None:
    exchange = CODEC.metadata("m", 2)
    request = sent(exchange, "GetModelMetadataRequest")
    assert exchange.request.path == "/tensorflow.serving.PredictionService/GetModelMetadata"
    assert (request.model_spec.version.value, list(request.metadata_field)) == (2, ["signature_def"])


def test_one_output_comes_alone_and_several_by_name() -> None:
    response = message("PredictResponse")
    response.outputs["a"].MergeFromString(make_tensor_proto([1.5]).SerializeToString())
    alone = read_predictions(Answer(response.SerializeToString()))
    assert isinstance(alone, np.ndarray)
    assert alone.tolist() == [1.5]
    assert alone.flags.writeable
    response.outputs["b"].MergeFromString(make_tensor_proto(["one"]).SerializeToString())
    several = read_predictions(Answer(response.SerializeToString()))
    assert isinstance(several, dict)
    assert {name: array.tolist() for name, array in several.items()} == {"a": [1.5], "b": [b"one"]}


def test_metadata_is_read() -> None:
    signatures = message("SignatureDefMap")
    signature = signatures.signature_def["serving_default"]
    signature.inputs["x"].dtype = 1
    signature.inputs["x"].tensor_shape.dim.add(size=-1)
    signature.outputs["y"].dtype = 999
    response = message("GetModelMetadataResponse")
    response.model_spec.version.value = 3
    response.metadata["signature_def"].value = signatures.SerializeToString()  # and no type beside it
    assert read_metadata(Answer(response.SerializeToString())) == {
        "model_version": 3,
        "inputs": {"x": {"shape": [-1], "dtype": "DT_FLOAT"}},
        "outputs": {"y": {"shape": [], "dtype": "999"}},
    }


def test_metadata_without_the_default_signature_is_a_bad_answer() -> None:
    response = message("GetModelMetadataResponse")
    with pytest.raises(BadAnswer, match="signature_def"):
        read_metadata(Answer(response.SerializeToString()))
    response.metadata["signature_def"].value = b""
    with pytest.raises(BadAnswer, match="serving_default"):
        read_metadata(Answer(response.SerializeToString()))


def test_status_is_read() -> None:
    states = [
        {"version": 1, "state": 30},
        {"version": 2, "state": 20, "status": {"error_code": 2, "error_message": "why"}},
    ]
    response = message("GetModelStatusResponse", model_version_status=states)
    assert read_status(Answer(response.SerializeToString())) == {
        1: {"state": "AVAILABLE", "error_code": 0, "error_message": ""},
        2: {"state": "LOADING", "error_code": 2, "error_message": "why"},
    }


@pytest.mark.parametrize("read", [read_predictions, read_metadata, read_status])
def test_what_is_no_message_is_a_bad_answer(read: Any) -> None:
    with pytest.raises(BadAnswer):
        read(Answer(b"\xff\xff"))
