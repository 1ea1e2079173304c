"""Every way in which a client can send one tensor to a model that gives it back, and what comes back.

The models are called `echo_<type>`, with an input x and an output y.
"""

import base64
import http.client
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import grpc
import numpy as np

from tests.conformance.exchange import Answer
from tests.conformance.grpc_messages import DTYPES, message_class, tensor_array
from tests.conformance.v2_answers import LENGTH, decoded, split
from tests.conformance.v2_messages import DATATYPES, from_raw, raw_bytes

Array = Any
TIMEOUT_S: Final = 30
KINDS: Final = {np.dtype(kind): datatype for datatype, (kind, _) in DATATYPES.items()}
TENSOR_KINDS: Final = {np.dtype(kind): name for name, (kind, _) in DTYPES.items()}
NO_CONTENTS: Final = frozenset({"FP16", "BF16"})


class Connections(NamedTuple):
    """One connection to each listener: the default one, those of two dialects, and gRPC."""

    http: http.client.HTTPConnection
    kserve: http.client.HTTPConnection
    ovms: http.client.HTTPConnection
    grpc: grpc.Channel


class Way(NamedTuple):
    """`carries`: whether it can tell such a tensor; `exact`: whether every bit of a NaN is kept."""

    send: Callable[[Connections, Array], Array]
    carries: Callable[[Array], bool]
    exact: bool


def datatype(array: Array) -> str:
    """Its name in the Open Inference Protocol."""
    return KINDS[array.dtype]


def model(array: Array) -> str:
    """The one that gives such arrays back."""
    return "echo_string" if array.dtype == np.object_ else f"echo_{array.dtype.name}"


def everything(_: Array) -> bool:
    """What raw bytes can tell."""
    return True


def nested(array: Array) -> bool:
    """What nested lists can tell: a size of zero hides those that follow."""
    return 0 not in array.shape[:-1]


def rows(array: Array) -> bool:
    """What a list of rows can tell."""
    return array.ndim > 0 and array.size > 0


def texts(array: Array) -> bool:
    """What flat JSON can tell: any numbers, and bytes that are UTF-8."""
    if array.dtype != np.object_:
        return True
    try:
        return all(isinstance(element.decode(), str) for element in array.flat)
    except UnicodeDecodeError:
        return False


def numbers(array: Array) -> bool:
    """What the fields of a message can tell."""
    return datatype(array) not in NO_CONTENTS


def posted(
    connection: http.client.HTTPConnection, path: str, body: bytes, headers: Mapping[str, str] | None = None
) -> Answer:
    """The answer, which has to be a good one."""
    connection.request("POST", path, body, dict(headers or {}))
    response = connection.getresponse()
    given = {name.lower(): value for name, value in response.getheaders()}
    answer = Answer(response.status, given, response.read())
    assert answer.status == 200, answer.body
    return answer


def predict(
    connection: http.client.HTTPConnection, key: str, array: Array, form: str = "/v1/models/{}:predict"
) -> Array:
    """A predict of TensorFlow Serving's and its kin, by `inputs` or by `instances`."""
    value = as_json(array.tolist())
    body = json.dumps({key: {"x": value} if key == "inputs" else value}).encode()
    document = json.loads(posted(connection, form.format(model(array)), body).body)
    (values,) = document.values()
    if array.dtype != np.object_:
        return np.array(values, array.dtype)
    return objects(as_bytes(values), np.shape(values_of(values)))


def values_of(value: Any) -> Any:
    """Nested lists with a number for every element, whatever it is."""
    return [values_of(item) for item in value] if isinstance(value, list) else 0


def as_json(value: Any) -> Any:
    """Nested lists with bytes in base64."""
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def as_bytes(value: Any) -> list[bytes]:
    """The elements of nested lists; texts and base64 as bytes."""
    if isinstance(value, list):
        return [element for item in value for element in as_bytes(item)]
    return [value.encode() if isinstance(value, str) else base64.b64decode(value["b64"])]


def objects(elements: list[bytes], shape: tuple[int, ...]) -> Array:
    flat = np.empty(len(elements), np.object_)
    flat[:] = elements
    return flat.reshape(shape)


def v2_json(connections: Connections, array: Array) -> Array:
    """The Open Inference Protocol with all in its JSON."""
    return json_output(posted(connections.http, v2_path(array), dumped({"inputs": [json_entry(array)]})))


def one_tensor(connections: Connections, array: Array) -> Array:
    """A tensor without a list around it, to a deployment of Deeploy's."""
    path = f"/deployments/{model(array)}/predict"
    return json_output(posted(connections.http, path, dumped(json_entry(array))))


def dumped(document: Any) -> bytes:
    return json.dumps(document).encode()


def json_entry(array: Array) -> Mapping[str, Any]:
    """An input with its values in JSON."""
    is_text = array.dtype == np.object_
    data = [element.decode() if is_text else element for element in array.reshape(-1).tolist()]
    return {"name": "x", "datatype": datatype(array), "shape": array.shape, "data": data}


def json_output(answer: Answer) -> Array:
    """The output of an answer whose values are in JSON."""
    (output,) = json.loads(answer.body)["outputs"]
    if output["datatype"] == "BYTES":
        return objects([text.encode() for text in output["data"]], tuple(output["shape"]))
    return np.array(output["data"], DATATYPES[output["datatype"]][0]).reshape(output["shape"])


def v2_path(array: Array) -> str:
    return f"/v2/models/{model(array)}/infer"


def v2_binary(connections: Connections, array: Array) -> Array:
    """The same with the tensors' bytes after the JSON."""
    return v2_bytes(connections, array, bytes, {})


def v2_compressed(connections: Connections, array: Array) -> Array:
    """The same, compressed both ways."""
    headers = {"Content-Encoding": "deflate", "Accept-Encoding": "gzip"}
    return v2_bytes(connections, array, zlib.compress, headers)


def v2_bytes(
    connections: Connections, array: Array, pack: Callable[[bytes], bytes], headers: Mapping[str, str]
) -> Array:
    data = raw_bytes(array)
    entry = {
        "name": "x",
        "datatype": datatype(array),
        "shape": array.shape,
        "parameters": {"binary_data_size": len(data)},
    }
    text = json.dumps({"inputs": [entry], "parameters": {"binary_data_output": True}}).encode()
    length = {LENGTH: str(len(text))}
    answer = posted(connections.http, v2_path(array), pack(text + data), {**headers, **length})
    document, outputs = split(answer.headers, decoded(answer))
    (output,) = json.loads(document)["outputs"]
    return from_raw(outputs["y"], output["datatype"]).reshape(output["shape"])


def tensor_content(connections: Connections, array: Array) -> Array:
    """TensorFlow Serving over gRPC with raw content; texts have none."""
    return tensor_proto(connections, array, raw=array.dtype != np.object_)


def tensor_values(connections: Connections, array: Array) -> Array:
    """The same with the values in their field."""
    return tensor_proto(connections, array, raw=False)


def tensor_proto(connections: Connections, array: Array, *, raw: bool) -> Array:
    request = message_class("tensorflow.serving.PredictRequest")()
    request.model_spec.name = model(array)
    tensor = request.inputs["x"]
    kind = TENSOR_KINDS[array.dtype]
    tensor.dtype = tensor.DESCRIPTOR.fields_by_name["dtype"].enum_type.values_by_name[kind].number
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    field = DTYPES[kind][1]
    flat = array.reshape(-1)
    if raw:
        tensor.tensor_content = array.tobytes()
    else:
        getattr(tensor, field).extend((flat.view(np.uint16) if field == "half_val" else flat).tolist())
    answer = called(connections, "tensorflow.serving.PredictionService/Predict", request)
    return tensor_array(message_class("tensorflow.serving.PredictResponse").FromString(answer).outputs["y"])


def called(connections: Connections, method: str, message: Any) -> bytes:
    return connections.grpc.unary_unary(f"/{method}")(message.SerializeToString(), timeout=TIMEOUT_S)


def infer_request(array: Array, *, raw: bool) -> Any:
    request = message_class("inference.ModelInferRequest")(model_name=model(array))
    given = request.inputs.add(name="x", datatype=datatype(array), shape=array.shape)
    if raw:
        request.raw_input_contents.append(raw_bytes(array))
    else:
        getattr(given.contents, DATATYPES[given.datatype][1]).extend(array.reshape(-1).tolist())
    return request


def v2_raw(connections: Connections, array: Array) -> Array:
    """The Open Inference Protocol over gRPC with raw contents."""
    answer = infer(connections, infer_request(array, raw=True))
    return raw_output(answer)


def v2_raw_for_numbers(connections: Connections, array: Array) -> Array:
    """The raw contents that answer numbers."""
    return raw_output(infer(connections, infer_request(array, raw=False)))


def v2_numbers(connections: Connections, array: Array) -> Array:
    """The numbers that answer numbers."""
    (output,) = infer(connections, infer_request(array, raw=False)).outputs
    kind, field = DATATYPES[output.datatype]
    values = list(getattr(output.contents, field))
    shape = tuple(output.shape)
    return objects(values, shape) if kind is np.object_ else np.array(values, kind).reshape(shape)


def infer(connections: Connections, request: Any) -> Any:
    answer = called(connections, "inference.GRPCInferenceService/ModelInfer", request)
    return message_class("inference.ModelInferResponse").FromString(answer)


def v2_stream(connections: Connections, array: Array) -> Array:
    """The same as a stream of one message."""
    method = connections.grpc.stream_stream("/inference.GRPCInferenceService/ModelStreamInfer")
    request = infer_request(array, raw=True).SerializeToString()
    (given,) = method(iter([request]), timeout=TIMEOUT_S)
    answer = message_class("inference.ModelStreamInferResponse").FromString(given)
    assert not answer.error_message, answer.error_message
    return raw_output(answer.infer_response)


def raw_output(answer: Any) -> Array:
    (output,) = answer.outputs
    return from_raw(answer.raw_output_contents[0], output.datatype).reshape(tuple(output.shape))


def deployed_rows(connections: Connections, array: Array) -> Array:
    """Rows to a deployment of Deeploy's."""
    return predict(connections.http, "instances", array, "/workspaces/w/deployments/{}/predict")


def by(listener: str, key: str) -> Callable[[Connections, Array], Array]:
    """A predict on a listener."""
    return lambda connections, array: predict(getattr(connections, listener), key, array)


WAYS: Final[Mapping[str, Way]] = {
    "TensorFlow Serving REST, columns": Way(by("http", "inputs"), nested, False),
    "TensorFlow Serving REST, rows": Way(by("http", "instances"), rows, False),
    "TensorFlow Serving gRPC, raw": Way(tensor_content, everything, False),
    "TensorFlow Serving gRPC, values": Way(tensor_values, everything, False),
    "V2 REST, JSON": Way(v2_json, texts, False),
    "V2 REST, binary": Way(v2_binary, everything, True),
    "V2 REST, compressed": Way(v2_compressed, everything, True),
    "V2 gRPC, raw": Way(v2_raw, everything, True),
    "V2 gRPC, raw for numbers": Way(v2_raw_for_numbers, numbers, False),
    "V2 gRPC, numbers": Way(v2_numbers, numbers, False),
    "V2 gRPC, stream": Way(v2_stream, everything, True),
    "KServe V1, rows": Way(by("kserve", "instances"), rows, False),
    "KServe V1, columns": Way(by("kserve", "inputs"), nested, False),
    "OpenVINO Model Server REST, rows": Way(by("ovms", "instances"), rows, False),
    "Deeploy, rows": Way(deployed_rows, rows, False),
    "Deeploy, a tensor": Way(one_tensor, texts, False),
    "OpenVINO Model Server REST, columns": Way(by("ovms", "inputs"), nested, False),
}
