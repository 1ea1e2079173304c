"""The older home of `send_intermediate_predict_response`, and answers in the form of TorchServe's workers."""

import struct
from collections.abc import Mapping
from typing import Any

from ts.context import Context
from ts.handler_utils.utils import first_rank
from ts.handler_utils.utils import send_intermediate_predict_response as send
from ts.serving.requests import Answer
from ts.serving.results import answers
from ts.utils.util import PredictionException, deprecated

END_OF_LIST = -1


def encode_response_headers(resp_hdr_map: Mapping[str, str]) -> bytearray:
    """Headers, counted."""
    message = bytearray(struct.pack("!i", len(resp_hdr_map)))
    for name, text in resp_hdr_map.items():
        message += sized(name.encode()) + sized(text.encode())
    return message


def create_predict_response(
    ret: Any,
    req_id_map: Mapping[int, str],
    message: str,
    code: int,
    context: Context | None = None,
    ts_stream_next: bool = False,
) -> bytearray | None:
    """The answers to a batch as TorchServe's workers send them; nothing in a process of a higher rank."""
    if not first_rank():
        return None
    try:
        made = made_answers(ret, req_id_map, code, context, more=ts_stream_next)
    except PredictionException as error:
        return create_predict_response(None, req_id_map, error.message, error.error_code)
    encoded = bytearray(struct.pack("!i", code)) + sized(message.encode())
    for answer in made:
        headers = dict(answer.headers)
        if answer.content_type:
            headers["content-type"] = answer.content_type
        encoded += sized(answer.request_id.encode()) + sized((answer.content_type or "").encode())
        encoded += struct.pack("!i", answer.status) + sized(answer.phrase.encode())
        encoded += encode_response_headers(headers) + sized(answer.body)
    return encoded + struct.pack("!i", END_OF_LIST)


def made_answers(
    ret: Any, req_id_map: Mapping[int, str], code: int, context: Context | None, *, more: bool
) -> list[Answer]:
    """The answers: of a handler, or the same failure to every request."""
    if ret is not None and context is not None:
        return answers(ret, req_id_map, context, more=more)
    return [Answer(request_id, code, "", {}, None, b"error") for request_id in req_id_map.values()]


def sized(data: bytes | bytearray) -> bytes:
    """Bytes after their number."""
    return struct.pack("!i", len(data)) + data


send_intermediate_predict_response = deprecated(
    "1.0", "ts.handler_utils.utils.send_intermediate_predict_response"
)(send)
