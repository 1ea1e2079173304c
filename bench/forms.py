"""The forms in which one and the same call of a model is sent: TensorFlow Serving's two, and V2's three.

Numbers are sent in all of them; the bytes of an image file in those that carry bytes.
"""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from dragoman.wire.protobuf import message_class

Transport = Literal["http", "grpc"]
FLOAT: Final = 1  # DT_FLOAT of tensorflow.DataType
STRING: Final = 7  # and DT_STRING
INPUT: Final = "x"


class Values(NamedTuple):
    """What a request is made of: the values of the only input of a model, float32 or one file's bytes."""

    model: str
    array: np.ndarray[Any, Any]

    @property
    def file(self) -> bytes:
        """The only element."""
        return bytes(self.array.item())


class Form(NamedTuple):
    """How a call is sent. `path` holds `{model}`, and is the full method name over gRPC."""

    name: str
    transport: Transport
    path: str
    body: Callable[[Values], bytes]
    headers: Callable[[Values], dict[str, str]] = lambda _: {"Content-Type": "application/json"}


def decimals(values: Values) -> np.ndarray[Any, Any]:
    """The values with the five decimals that they were made with."""
    return np.round(values.array.astype(np.float64), 5)


def instances(values: Values) -> bytes:
    """TensorFlow Serving's row form, nested."""
    return json.dumps({"instances": decimals(values).tolist()}).encode()


def predict_request(values: Values) -> bytes:
    """TensorFlow Serving's message, whose tensor is raw bytes."""
    request = message_class("tensorflow.serving.PredictRequest")()
    request.model_spec.name = values.model
    tensor = request.inputs[INPUT]
    tensor.dtype = FLOAT
    for size in values.array.shape:
        tensor.tensor_shape.dim.add(size=size)
    tensor.tensor_content = values.array.tobytes()
    return bytes(request.SerializeToString())


def described(values: Values) -> dict[str, Any]:
    """The input as V2 describes it."""
    return {"name": INPUT, "shape": list(values.array.shape), "datatype": "FP32"}


def v2_json(values: Values) -> bytes:
    """V2's JSON form, flat as its clients send it."""
    data = decimals(values).reshape(-1).tolist()
    return json.dumps({"inputs": [described(values) | {"data": data}]}).encode()


def v2_head(values: Values) -> bytes:
    """The JSON before the bytes of V2's binary form."""
    tensor = described(values) | {"parameters": {"binary_data_size": values.array.nbytes}}
    return json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()


def v2_binary(values: Values) -> bytes:
    """V2's binary form, in both directions."""
    return v2_head(values) + values.array.tobytes()


def v2_binary_headers(values: Values) -> dict[str, str]:
    """Where the JSON ends."""
    return {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(v2_head(values))),
    }


def infer_request(values: Values) -> bytes:
    """V2's message, whose tensor is raw bytes."""
    request = message_class("inference.ModelInferRequest")()
    request.model_name = values.model
    request.inputs.add(**described(values))
    request.raw_input_contents.append(values.array.tobytes())
    return bytes(request.SerializeToString())


def file_instances(values: Values) -> bytes:
    """A file in TensorFlow Serving's row form."""
    return json.dumps({"instances": [{"b64": base64.b64encode(values.file).decode()}]}).encode()


def file_predict_request(values: Values) -> bytes:
    """A file in TensorFlow Serving's message."""
    request = message_class("tensorflow.serving.PredictRequest")()
    request.model_spec.name = values.model
    tensor = request.inputs[INPUT]
    tensor.dtype = STRING
    tensor.tensor_shape.dim.add(size=1)
    tensor.string_val.append(values.file)
    return bytes(request.SerializeToString())


def file_described() -> dict[str, Any]:
    """The input as V2 describes it where it is a file."""
    return {"name": INPUT, "shape": [1], "datatype": "BYTES"}


def with_length(file: bytes) -> bytes:
    """A file as V2 has bytes in binary data."""
    return len(file).to_bytes(4, "little") + file


def file_v2_head(values: Values) -> bytes:
    """The JSON before a file in V2's binary form."""
    size = len(with_length(values.file))
    return json.dumps({"inputs": [file_described() | {"parameters": {"binary_data_size": size}}]}).encode()


def file_v2_binary(values: Values) -> bytes:
    """A file in V2's binary form."""
    return file_v2_head(values) + with_length(values.file)


def file_v2_binary_headers(values: Values) -> dict[str, str]:
    """Where the JSON ends."""
    return {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(file_v2_head(values))),
    }


def file_infer_request(values: Values) -> bytes:
    """A file in V2's message."""
    request = message_class("inference.ModelInferRequest")()
    request.model_name = values.model
    request.inputs.add(**file_described())
    request.raw_input_contents.append(with_length(values.file))
    return bytes(request.SerializeToString())


TENSORFLOW_SERVING_REST: Final = Form("REST", "http", "/v1/models/{model}:predict", instances)
TENSORFLOW_SERVING_GRPC: Final = Form(
    "gRPC", "grpc", "/tensorflow.serving.PredictionService/Predict", predict_request
)
V2_JSON: Final = Form("V2 JSON", "http", "/v2/models/{model}/infer", v2_json)
V2_BINARY: Final = Form("V2 binary", "http", "/v2/models/{model}/infer", v2_binary, v2_binary_headers)
V2_GRPC: Final = Form("V2 gRPC", "grpc", "/inference.GRPCInferenceService/ModelInfer", infer_request)
FORMS: Final = (TENSORFLOW_SERVING_REST, TENSORFLOW_SERVING_GRPC, V2_JSON, V2_BINARY, V2_GRPC)
FILE_FORMS: Final = (
    TENSORFLOW_SERVING_REST._replace(name="REST, base64", body=file_instances),
    TENSORFLOW_SERVING_GRPC._replace(body=file_predict_request),
    V2_BINARY._replace(body=file_v2_binary, headers=file_v2_binary_headers),
    V2_GRPC._replace(body=file_infer_request),
)
FORM_BY_NAME: Final[Mapping[str, Form]] = {form.name: form for form in FORMS}
