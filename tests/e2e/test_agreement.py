"""The same tensors sent over REST and over gRPC give the same elements, bit for bit."""

import base64
import http.client
import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import grpc
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx import TensorProto

from tests.conformance import reference_models
from tests.conformance.grpc_messages import DTYPES, message_class, tensor_array
from tests.server_process import serving

MODELS: Final = {
    dtype: f"echo_{'string' if dtype == 'DT_STRING' else np.dtype(kind).name}"
    for dtype, (kind, _) in DTYPES.items()
}
SHAPES: Final = st.just((0,)) | hnp.array_shapes(max_dims=4, max_side=3)  # nested lists tell no (0, 3)


class Connections(NamedTuple):
    """One connection for each protocol."""

    http: http.client.HTTPConnection
    grpc: grpc.Channel


@pytest.fixture(scope="module")
def connections(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connections]:
    folder = tmp_path_factory.mktemp("agreement")
    reference_models.write(folder / "models")
    bfloat16 = folder / "models" / "echo_bfloat16" / "1"
    bfloat16.mkdir(parents=True)
    onnx.save(reference_models.echo(TensorProto.BFLOAT16), bfloat16 / "model.onnx")
    with serving([str(folder / "models")], folder / "log") as addresses:
        plain = http.client.HTTPConnection(*addresses.http, timeout=30)
        with grpc.insecure_channel(f"{addresses.grpc.host}:{addresses.grpc.port}") as channel:
            yield Connections(plain, channel)
        plain.close()


def arrays(dtype: str) -> st.SearchStrategy[Any]:
    """Arrays of any shape and of any elements that the type has."""
    kind, _ = DTYPES[dtype]
    if dtype == "DT_STRING":
        return hnp.arrays(np.object_, SHAPES, elements=st.binary(max_size=6), fill=st.nothing())
    if dtype == "DT_BFLOAT16":
        return hnp.arrays(np.uint16, SHAPES).map(lambda bits: bits.view(kind))
    return hnp.arrays(kind, SHAPES)


def over_rest(connection: http.client.HTTPConnection, dtype: str, sent: Any) -> Any:
    """What comes back in column form."""
    body = json.dumps({"inputs": {"x": as_json(sent.tolist())}})
    connection.request("POST", f"/v1/models/{MODELS[dtype]}:predict", body)
    answer = connection.getresponse()
    document = json.loads(answer.read())
    assert answer.status == 200, document
    if dtype == "DT_STRING":
        return as_bytes(document["outputs"])
    return np.array(document["outputs"], DTYPES[dtype][0])


def as_json(value: Any) -> Any:
    """Nested lists with bytes in base64."""
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def as_bytes(value: Any) -> Any:
    """Nested lists with texts and base64 as bytes."""
    if isinstance(value, list):
        return [as_bytes(item) for item in value]
    return value.encode() if isinstance(value, str) else base64.b64decode(value["b64"])


def over_grpc(channel: grpc.Channel, dtype: str, sent: Any) -> Any:
    """What comes back for raw contents."""
    request = message_class("tensorflow.serving.PredictRequest")()
    request.model_spec.name = MODELS[dtype]
    tensor = request.inputs["x"]
    tensor.dtype = tensor.DESCRIPTOR.fields_by_name["dtype"].enum_type.values_by_name[dtype].number
    for size in sent.shape:
        tensor.tensor_shape.dim.add(size=size)
    if dtype == "DT_STRING":
        tensor.string_val.extend(sent.flat)
    else:
        tensor.tensor_content = sent.tobytes()
    predict = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    answer = message_class("tensorflow.serving.PredictResponse").FromString(
        predict(request.SerializeToString(), timeout=30)
    )
    return tensor_array(answer.outputs["y"])


def bits(array: Any) -> tuple[tuple[int, ...], bytes]:
    """Shape and bits; every NaN counts as the same one, for JSON knows only one."""
    with np.errstate(invalid="ignore"):  # a NaN that signals is one as well
        nans = array != array  # noqa: PLR0124 (isnan does not know every type here)
    if nans.any():
        array = np.where(nans, np.array(np.nan, array.dtype), array)
    return array.shape, array.tobytes()


@pytest.mark.parametrize("dtype", MODELS)
@settings(max_examples=min(300, settings().max_examples))  # each is two calls of a live server
@given(data=st.data())
def test_rest_and_grpc_agree(connections: Connections, dtype: str, data: st.DataObject) -> None:
    sent = data.draw(arrays(dtype))
    rest = over_rest(connections.http, dtype, sent)
    answered = over_grpc(connections.grpc, dtype, sent)
    if dtype == "DT_STRING":
        assert rest == answered.tolist() == sent.tolist()
    else:
        assert bits(rest) == bits(answered) == bits(sent)
