"""`stream` over REST: the call as JSON, the answer as server-sent events, each a V2 document."""

import json
from typing import Any, Final

from dragoman.client.codec import Inference
from dragoman.client.documents import read_object
from dragoman.client.errors import BadAnswer, Code, InvalidInput, ServerError
from dragoman.client.exchange import Answer, Buffer, PartsReader
from dragoman.client.rest.infer import read_result
from dragoman.client.results import Result
from dragoman.core.tensors import DType, Tensor
from dragoman.wire.datatypes import DATATYPES

MAX_EVENT_BYTES: Final = 64 * 1024 * 1024
EVENTS: Final = "text/event-stream"
DATA: Final = b"data:"


def json_body(call: Inference) -> bytes:
    """The call as a V2 document with its tensors in JSON, which is what servers that stream take.

    Errors: InvalidInput for bytes that are no text.
    """
    document: dict[str, Any] = {
        "inputs": [
            {
                "name": name,
                "shape": tensor.array.shape,
                "datatype": DATATYPES[tensor.dtype],
                "data": flat_list(name, tensor),
            }
            for name, tensor in call.tensors.items()
        ]
    }
    if call.outputs is not None:
        document["outputs"] = [{"name": name, "parameters": own} for name, own in call.outputs.items()]
    if call.parameters:
        document["parameters"] = dict(call.parameters)
    if call.request_id is not None:
        document["id"] = call.request_id
    try:
        return json.dumps(document).encode()  # not our fast one: it has no word for NaN
    except TypeError as error:
        raise InvalidInput(f"the request is no JSON: {error}") from None


def flat_list(name: str, tensor: Tensor) -> list[Any]:
    """The tensor's elements, as JSON has them."""
    flat = tensor.array.reshape(-1)
    if tensor.dtype is DType.BF16:
        return flat.astype(DType.FP32.numpy).tolist()
    elements: list[Any] = flat.tolist()
    if tensor.dtype is not DType.BYTES:
        return elements
    try:
        return [element.decode() for element in elements]
    except UnicodeDecodeError:
        raise InvalidInput(
            f"input {name!r} holds bytes that are no UTF-8, which a stream over HTTP cannot carry: use gRPC"
        ) from None


def event_reader(head: Answer) -> PartsReader:
    """Who reads the answer that begins so.

    Errors: BadAnswer where it is no event stream.
    """
    kind = head.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != EVENTS:
        raise BadAnswer(f"the answer is {kind[:80] or 'of no type'!r}, where {EVENTS} is due")
    return EventReader()


class EventReader(PartsReader):
    """Server-sent events to results, whatever the pieces in which they arrive."""

    def __init__(self) -> None:
        self._line = bytearray()  # what has come of the line that is not complete
        self._data: bytearray | None = None  # the event's data so far; None where none has come

    def feed(self, part: Buffer) -> list[Result]:
        """The results of the events that are complete now.

        Errors: ServerError for an event that tells of one; BadAnswer.
        """
        found = []
        *lines, rest = bytes(part).split(b"\n")
        for line in lines:
            self._line += line
            whole = bytes(self._line).removesuffix(b"\r")
            self._line.clear()
            if whole:
                self._keep(whole)
            elif self._data is not None:
                data, self._data = bytes(self._data), None
                found.append(read_event(data))
        self._line += rest
        if len(self._line) + len(self._data or b"") > MAX_EVENT_BYTES:
            raise BadAnswer(f"an event has more than {MAX_EVENT_BYTES} bytes")
        return found

    def _keep(self, line: bytes) -> None:
        """Take a line of the event up; other fields than its data, and comments, say nothing here."""
        if line.startswith(DATA):
            text = line[len(DATA) :].removeprefix(b" ")
            if self._data is None:
                self._data = bytearray(text)
            else:
                self._data += b"\n" + text

    def end(self) -> None:
        """The stream has ended.

        Errors: BadAnswer within an event.
        """
        if self._data is not None or self._line:
            raise BadAnswer("the stream ended within an event")


def read_event(data: bytes) -> Result:
    """The result in an event.

    Errors: ServerError where it tells of a failure: the status has gone out long before.
    """
    document = read_object(data)
    reason = document.get("error")
    if isinstance(reason, str):
        raise ServerError(reason, code=Code.INTERNAL, status=0)
    return read_result(document, memoryview(b""))
