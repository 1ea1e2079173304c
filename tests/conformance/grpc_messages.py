"""Protobuf messages from and to JSON, with a shorter way to write tensors, Examples and bytes.

An object with one of these keys stands for something else:

    {"$tensor": VALUES, "dtype": "DT_INT64", "in": "values"}    a TensorProto of these values and their shape;
                        without `dtype` DT_FLOAT; raw content unless `in` is "values"; texts for DT_STRING
    {"$hex": "00 ff"}   bytes
    {"$text": "abc"}    the bytes of a text
    {"$example": {"x": [1.0], "n": [1], "t": ["abc"]}}    a tensorflow.Example
    {"$serialized": MESSAGE, "as": "tensorflow.Example"}  the bytes of a message
    {"$infer": {"x": [1.0]}, "datatypes": {"x": "INT64"}, "in": "contents", "model_name": ...}
                        a ModelInferRequest of these inputs, raw unless `in` is "contents"; without a datatype
                        FP32; texts are Latin-1; all other keys are the message's own
"""

import base64
import json
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any, Final

import ml_dtypes
import numpy as np
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2

from dragoman.wire.protobuf import make_pool
from tests.conformance.v2_messages import infer_request

# The NumPy type and the field of the values.
DTYPES: Final[Mapping[str, tuple[Any, str]]] = {
    "DT_FLOAT": (np.float32, "float_val"),
    "DT_DOUBLE": (np.float64, "double_val"),
    "DT_INT8": (np.int8, "int_val"),
    "DT_UINT8": (np.uint8, "int_val"),
    "DT_INT16": (np.int16, "int_val"),
    "DT_UINT16": (np.uint16, "int_val"),
    "DT_INT32": (np.int32, "int_val"),
    "DT_UINT32": (np.uint32, "uint32_val"),
    "DT_INT64": (np.int64, "int64_val"),
    "DT_UINT64": (np.uint64, "uint64_val"),
    "DT_BOOL": (np.bool_, "bool_val"),
    "DT_HALF": (np.float16, "half_val"),
    "DT_BFLOAT16": (ml_dtypes.bfloat16, "half_val"),
    "DT_STRING": (np.object_, "string_val"),
}
FEATURES: Final = {float: "float_list", int: "int64_list", str: "bytes_list"}


@cache
def pool() -> DescriptorPool:
    """The server's definitions, with those of health checks."""
    made = make_pool()
    made.AddSerializedFile(health_pb2.DESCRIPTOR.serialized_pb)
    return made


def message_class(full_name: str) -> Any:
    return GetMessageClass(pool().FindMessageTypeByName(full_name))


def method_types(method: str) -> tuple[str, str]:
    """The names of the messages that go into `package.Service/Method`, and come out of it.

    Errors: KeyError for a method that is not defined.
    """
    service, _, name = method.partition("/")
    found = pool().FindServiceByName(service).methods_by_name[name]
    return found.input_type.full_name, found.output_type.full_name


def answers_in_parts(method: str) -> bool:
    """Whether `package.Service/Method` answers one message with any number of them."""
    service, _, name = method.partition("/")
    with suppress(KeyError):
        return bool(pool().FindServiceByName(service).methods_by_name[name].server_streaming)
    return False


def serialize(kind: str, document: Any) -> bytes:
    """The bytes of a message that is given as JSON."""
    message = json_format.ParseDict(expand(document), message_class(kind)(), descriptor_pool=pool())
    return message.SerializeToString(deterministic=True)


def expand(document: Any) -> Any:
    """The document with every short form written out as protobuf's JSON has it."""
    if isinstance(document, list):
        return [expand(item) for item in document]
    if not isinstance(document, dict):
        return document
    for key, write in SHORT.items():
        if key in document:
            options = {name: value for name, value in document.items() if name != key}
            return write(document[key], **options)
    return {key: expand(value) for key, value in document.items()}


def text(data: bytes) -> str:
    """Bytes as protobuf's JSON has them."""
    return base64.b64encode(data).decode()


def short_tensor(values: Any, dtype: str = "DT_FLOAT", **options: str) -> Any:
    kind, name = DTYPES[dtype]
    array = np.array(values, kind)
    tensor: dict[str, Any] = {"dtype": dtype, "tensor_shape": {"dim": [{"size": n} for n in array.shape]}}
    if dtype == "DT_STRING":
        tensor[name] = [text(element.encode()) for element in array.flat]
    elif options.get("in") == "values":
        elements = (array.view(np.uint16) if name == "half_val" else array).reshape(-1).tolist()
        tensor[name] = [element if math.isfinite(element) else json.dumps(element) for element in elements]
    else:
        tensor["tensor_content"] = text(array.tobytes())
    return tensor


def short_example(features: Mapping[str, list[Any]]) -> Any:
    feature = {}
    for name, values in features.items():
        kind = FEATURES[type(values[0])]
        feature[name] = {kind: {"value": [text(v.encode()) if isinstance(v, str) else v for v in values]}}
    return {"features": {"feature": feature}}


def short_serialized(document: Any, **options: str) -> str:
    return text(serialize(options["as"], document))


SHORT: Final[Mapping[str, Callable[..., Any]]] = {
    "$infer": infer_request,
    "$tensor": short_tensor,
    "$hex": lambda digits: text(bytes.fromhex(digits)),
    "$text": lambda value: text(value.encode()),
    "$example": short_example,
    "$serialized": short_serialized,
}


def parse(kind: str, data: bytes) -> Any:
    """The message that these bytes are."""
    return message_class(kind).FromString(data)


def to_json(message: Any) -> Any:
    """A message as protobuf's JSON, with the names of the .proto files."""
    return json_format.MessageToDict(message, preserving_proto_field_name=True, descriptor_pool=pool())


def tensor_array(tensor: Any) -> np.ndarray[Any, Any]:
    """The elements of a TensorProto in its shape.

    Errors: ValueError for values that are not exactly as many as the shape says.
    """
    kind, name = DTYPES[dtype_name(tensor)]
    if tensor.tensor_content:
        array = np.frombuffer(tensor.tensor_content, kind)
    elif name == "half_val":
        array = np.array(tensor.half_val, np.uint16).view(kind)
    else:
        array = np.array(list(getattr(tensor, name)), kind)
    return array.reshape([dim.size for dim in tensor.tensor_shape.dim])


def dtype_name(tensor: Any) -> str:
    """The name of a TensorProto's type."""
    numbers = tensor.DESCRIPTOR.fields_by_name["dtype"].enum_type.values_by_number
    return str(numbers[tensor.dtype].name)


def tensor_values(tensor: Any) -> Any:
    """The elements of a TensorProto as JSON could have them; strings as Latin-1.

    Errors: ValueError as for `tensor_array`.
    """
    array = tensor_array(tensor)
    if array.dtype == np.object_:
        array = np.array([each.decode("latin-1") for each in array.flat], np.object_).reshape(array.shape)
    return array.tolist()
