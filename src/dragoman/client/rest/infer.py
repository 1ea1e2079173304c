"""`infer` over REST: JSON, and behind it the tensors as raw bytes."""

from collections.abc import Mapping
from typing import Any, Final

from dragoman.client.codec import Inference
from dragoman.client.documents import checked, member, members, read_dtype, read_object, read_shape
from dragoman.client.errors import BadAnswer, InvalidInput
from dragoman.client.exchange import Answer, Buffer
from dragoman.client.outputs import json_output, raw_output
from dragoman.client.results import Parameter, Result
from dragoman.core.errors import DragomanError
from dragoman.core.tensors import Array
from dragoman.wire.datatypes import DATATYPES
from dragoman.wire.json_tree import dump
from dragoman.wire.raw_tensors import write_raw

JSON_LENGTH: Final = "inference-header-content-length"
BINARY_SIZE: Final = "binary_data_size"


def binary_body(call: Inference) -> list[Buffer]:
    """The request's body: its JSON, then each tensor.

    Errors: InvalidInput for what JSON or the binary form cannot hold.
    """
    inputs = []
    body: list[Buffer] = [b""]
    for name, tensor in call.tensors.items():
        try:
            data = write_raw(tensor)
        except DragomanError as error:
            raise InvalidInput(f"input {name!r}: {error.message}") from None
        body.append(data)
        inputs.append(
            {
                "name": name,
                "shape": tensor.array.shape,
                "datatype": DATATYPES[tensor.dtype],
                "parameters": {BINARY_SIZE: len(data)},
            }
        )
    document: dict[str, Any] = {"inputs": inputs}
    parameters = dict(call.parameters)
    if call.outputs is None:
        parameters["binary_data_output"] = True
    else:
        document["outputs"] = [
            {"name": name, "parameters": {"binary_data": True, **own}} for name, own in call.outputs.items()
        ]
    if parameters:
        document["parameters"] = parameters
    if call.request_id is not None:
        document["id"] = call.request_id
    body[0] = written(document)
    return body


def written(document: Mapping[str, Any]) -> bytes:
    """The document as JSON.

    Errors: InvalidInput for what it cannot hold: a parameter of another kind, a text that is none.
    """
    try:
        return dump(document)
    except TypeError as error:
        raise InvalidInput(f"the request is no JSON: {error}") from None


def read_infer(answer: Answer) -> Result:
    """The result in a body of JSON, behind which tensors may follow as raw bytes.

    Errors: BadAnswer.
    """
    body = memoryview(answer.body)
    length = len(body)
    if (header := answer.headers.get(JSON_LENGTH)) is not None:
        if not (header.isascii() and header.isdigit() and int(header) <= length):
            raise BadAnswer(f"its JSON is said to have {header[:40]!r} bytes, and the answer has {length}")
        length = int(header)
    document = read_object(body[:length])
    return read_result(document, body[length:])


def read_result(document: dict[str, Any], rest: memoryview) -> Result:
    """The result that a V2 document and the bytes behind it are.

    Errors: BadAnswer where a tensor is not what it says, a name comes twice, or bytes are left over.
    """
    arrays: dict[str, Array] = {}
    for output in members(document, "outputs"):
        name = member(output, "name", str)
        if name in arrays:
            raise BadAnswer(f"output {name!r} comes twice")
        size = member(output, "parameters", dict, {}).get(BINARY_SIZE)
        if size is None:
            data = member(output, "data", list)
            arrays[name] = json_output(name, data, read_dtype(output), read_shape(output))
            continue
        size = checked(size, int, f"the {BINARY_SIZE} of output {name!r}")
        if not 0 <= size <= len(rest):
            raise BadAnswer(f"output {name!r} is said to have {size} bytes, and {len(rest)} are left")
        arrays[name] = raw_output(name, rest[:size], read_dtype(output), read_shape(output))
        rest = rest[size:]
    if len(rest):
        raise BadAnswer(f"{len(rest)} bytes are left over after the last output")
    return Result(
        arrays,
        model=member(document, "model_name", str, ""),
        version=member(document, "model_version", str, ""),
        id=member(document, "id", str, ""),
        parameters=read_parameters(member(document, "parameters", dict, {})),
    )


def read_parameters(found: dict[str, Any]) -> dict[str, Parameter]:
    """The parameters that are of a kind that parameters have."""
    return {key: value for key, value in found.items() if isinstance(value, bool | int | float | str)}
