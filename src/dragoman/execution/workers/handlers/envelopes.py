"""Requests of every kind as bodies that a handler can read, and its answers as what was asked for.

A handler that was written for bodies alone answers rows and tensors through TorchServe's envelopes, which
open the body before the handler sees it, and close its answer: `kserve` for rows, `kservev2` for tensors.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.requests import CoreRequest, PayloadPart, PayloadRequest, TensorRequest, TreeRequest
from dragoman.core.responses import CoreResponse, PayloadResponse, TensorResponse, TreeResponse
from dragoman.core.tensors import DType, Tensor
from dragoman.execution.workers.handlers.statuses import code_of

JSON: Final = "application/json"
ROWS: Final = "kserve"
TENSORS: Final = "kservev2"
MOST_MESSAGE: Final = 1024  # characters of a body that says what went wrong
MOST_VALUES: Final = 5000  # of JSON that is written on the event loop: about a millisecond
CHARACTERS: Final = 16  # of a text that take as long as one value
SUCCESS: Final = range(200, 300)


def opened(request: CoreRequest, request_id: str) -> tuple[PayloadRequest, str | None]:
    """The request as one of bodies, and the envelope for it; None = none.

    Errors: INVALID_ARGUMENT for what no body can hold.
    """
    if isinstance(request, PayloadRequest):
        return request, None
    if isinstance(request, TreeRequest):
        return in_json({"instances": request.rows}, request.signature, request.headers), ROWS
    if isinstance(request, TensorRequest):
        inputs = [written(name, tensor) for name, tensor in request.inputs.items()]
        return in_json({"id": request_id, "inputs": inputs}, request.signature, {}), TENSORS
    raise invalid("a handler takes no examples")


def is_large(request: CoreRequest) -> bool:
    """Whether writing the request as JSON takes longer than a caller of another model should wait."""
    if isinstance(request, TensorRequest):
        return sum(tensor.array.size for tensor in request.inputs.values()) > MOST_VALUES
    return isinstance(request, TreeRequest) and not is_within(request.rows, MOST_VALUES)


def is_within(tree: object, most: int) -> bool:
    """Whether there are at most so many values in a tree of JSON; looks at no more of them."""
    left = [tree]
    while left and most >= 0:
        value = left.pop()
        most -= 1
        if isinstance(value, str | bytes):
            most -= len(value) // CHARACTERS
        elif isinstance(value, Mapping | list | tuple):
            if len(value) > most:
                return False
            left += value.values() if isinstance(value, Mapping) else value
    return most >= 0


def in_json(tree: Mapping[str, Any], signature: str, headers: Mapping[str, str]) -> PayloadRequest:
    """A body of JSON."""
    try:
        body = json.dumps(tree).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise invalid(f"the request cannot be written as JSON for the handler: {error}") from error
    return PayloadRequest(signature, [PayloadPart("body", body, JSON)], headers)


def written(name: str, tensor: Tensor) -> Mapping[str, Any]:
    """A tensor as the Open Inference Protocol's JSON has it."""
    array = tensor.array
    if tensor.dtype is DType.BYTES:
        data: list[Any] = [element.decode("utf-8", "replace") for element in array.ravel().tolist()]
    else:
        data = array.ravel().tolist()
    return {"name": name, "shape": list(array.shape), "datatype": tensor.dtype.name, "data": data}


def closed(request: CoreRequest, answer: PayloadResponse) -> CoreResponse:
    """The answer in the request's kind.

    Errors: the handler's own, where its status is no success; INTERNAL for a body of another form.
    """
    if isinstance(request, PayloadRequest):
        return answer
    text = bytes(answer.body).decode("utf-8", "replace")
    if answer.status not in SUCCESS:
        raise DragomanError(code_of(answer.status), text[:MOST_MESSAGE], status=answer.status)
    read = read_rows if isinstance(request, TreeRequest) else read_tensors
    return read_as(read, text, answer)


def read_as(
    read: Callable[[Any, PayloadResponse], CoreResponse], text: str, answer: PayloadResponse
) -> CoreResponse:
    """What `read` makes of a body of JSON."""
    try:
        return read(json.loads(text), answer)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError, AttributeError) as error:
        status = 503  # TorchServe's for an answer that cannot be used
        raise DragomanError(code_of(status), "Invalid model predict output", status=status) from error


def read_rows(tree: Any, answer: PayloadResponse) -> TreeResponse:
    """The rows that the envelope has closed."""
    rows = tree.get("predictions", tree.get("explanations"))
    if not isinstance(rows, list):
        raise TypeError("no list of predictions")
    return TreeResponse(rows, answer.version, answer.run)


def read_tensors(tree: Any, answer: PayloadResponse) -> TensorResponse:
    """The tensors that the envelope has closed."""
    outputs = {str(output["name"]): read_tensor(output) for output in tree["outputs"]}
    return TensorResponse(outputs, answer.version, answer.run)


def read_tensor(output: Mapping[str, Any]) -> Tensor:
    """One of them."""
    dtype = DType[output["datatype"]]
    if dtype is DType.BYTES:
        elements = [str(element).encode() for element in output["data"]]
        array: Any = np.empty(len(elements), np.object_)
        array[:] = elements
    else:
        array = np.array(output["data"], dtype.numpy)
    return Tensor(dtype, array.reshape(output["shape"]))
