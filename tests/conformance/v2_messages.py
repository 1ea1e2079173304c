"""Tensors of the Open Inference Protocol over gRPC, from and to lists of JSON. Texts are Latin-1."""

import base64
import json
import math
import struct
from collections.abc import Mapping
from typing import Any, Final

import ml_dtypes
import numpy as np

# The NumPy type, and the field of `contents`.
DATATYPES: Final[Mapping[str, tuple[Any, str]]] = {
    "BOOL": (np.bool_, "bool_contents"),
    "INT8": (np.int8, "int_contents"),
    "INT16": (np.int16, "int_contents"),
    "INT32": (np.int32, "int_contents"),
    "INT64": (np.int64, "int64_contents"),
    "UINT8": (np.uint8, "uint_contents"),
    "UINT16": (np.uint16, "uint_contents"),
    "UINT32": (np.uint32, "uint_contents"),
    "UINT64": (np.uint64, "uint64_contents"),
    "FP16": (np.float16, ""),
    "BF16": (ml_dtypes.bfloat16, ""),
    "FP32": (np.float32, "fp32_contents"),
    "FP64": (np.float64, "fp64_contents"),
    "BYTES": (np.object_, "bytes_contents"),
}


def infer_request(inputs: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    """A ModelInferRequest as protobuf's JSON: `inputs` by name, and what else is the message's."""
    explicit = options.pop("in", "raw") == "contents"
    datatypes = options.pop("datatypes", {})
    entries, raw = [], []
    for name, values in inputs.items():
        datatype = datatypes.get(name, "FP32")
        array = as_array(values, datatype)
        entry: dict[str, Any] = {"name": name, "datatype": datatype, "shape": list(array.shape)}
        if explicit:
            entry["contents"] = {
                DATATYPES[datatype][1]: [number(each) for each in array.reshape(-1).tolist()]
            }
        else:
            raw.append(base64.b64encode(raw_bytes(array)).decode())
        entries.append(entry)
    return {"inputs": entries, "raw_input_contents": raw, **options}


def as_array(values: Any, datatype: str) -> np.ndarray[Any, Any]:
    """The values as an array; texts as bytes."""
    array = np.array(values, DATATYPES[datatype][0])
    if datatype != "BYTES":
        return array
    flat = np.empty(array.size, np.object_)
    flat[:] = [text.encode("latin-1") for text in array.reshape(-1)]
    return flat.reshape(array.shape)


def number(value: Any) -> Any:
    """An element as protobuf's JSON has it."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return json.dumps(value) if isinstance(value, float) and not math.isfinite(value) else value


def raw_bytes(array: np.ndarray[Any, Any]) -> bytes:
    """The array's raw form."""
    if array.dtype != np.object_:
        return array.tobytes()
    return b"".join(struct.pack("<I", len(each)) + each for each in array.reshape(-1))


def output_forms(answer: Any, name: str) -> dict[str, Any]:
    """The values of an output of a ModelInferResponse, by the forms that it comes in.

    Errors: ValueError for values that are not exactly as many as the shape says.
    """
    index = [output.name for output in answer.outputs].index(name)
    output, found = answer.outputs[index], {}
    kind, field = DATATYPES[output.datatype]
    if index < len(answer.raw_output_contents):
        array = from_raw(answer.raw_output_contents[index], output.datatype)
        found["raw"] = listed(array.reshape(list(output.shape)))
    if output.HasField("contents"):
        elements = list(getattr(output.contents, field))
        array = np.empty(len(elements), kind)
        array[:] = elements
        found["contents"] = listed(array.reshape(list(output.shape)))
    return found


def from_raw(data: bytes, datatype: str) -> np.ndarray[Any, Any]:
    """The elements in a raw form."""
    if datatype != "BYTES":
        return np.frombuffer(data, DATATYPES[datatype][0])
    found = []
    while data:
        (size,) = struct.unpack("<I", data[:4])
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    array = np.empty(len(found), np.object_)
    array[:] = found
    return array


def listed(array: np.ndarray[Any, Any]) -> Any:
    """The array as JSON could have it."""
    if array.dtype == np.object_:
        array = np.array([each.decode("latin-1") for each in array.flat], np.object_).reshape(array.shape)
    return array.tolist()
