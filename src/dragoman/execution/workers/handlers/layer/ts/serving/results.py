"""From what handlers return to bytes."""

import io
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ts.context import Context
from ts.serving.requests import Answer
from ts.utils.util import PredictionException

STREAM_NEXT = "ts_stream_next"  # whether more parts follow; TorchServe sends it on to the client

logger = logging.getLogger(__name__)


def body_of(value: Any) -> bytes | bytearray:
    """One entry of a result as it is sent.

    Errors: PredictionException 503 where it is nothing that can be sent.
    """
    if isinstance(value, bytes | bytearray):
        return value
    try:
        if isinstance(value, str):
            return value.encode()
        torch = sys.modules.get("torch")  # a tensor exists only where torch was imported
        if torch is not None and isinstance(value, torch.Tensor):
            buffer = io.BytesIO()
            torch.save(value, buffer)
            return buffer.getvalue()
        return json.dumps(value, indent=2).encode()
    except (TypeError, ValueError, RecursionError):
        logger.warning("a result of type %s cannot be sent", type(value).__name__, exc_info=True)
        raise PredictionException("Unsupported model output data type.", 503) from None


def answers(
    results: Sequence[Any], request_ids: Mapping[int, str], context: Context, *, more: bool = False
) -> list[Answer]:
    """The results as answers, with the statuses and headers that the handler has set by now.

    Errors: PredictionException; IndexError where there is a request without a result.
    """
    return [answer(results[index], index, request_ids[index], context, more=more) for index in request_ids]


def answer(value: Any, index: int, request_id: str, context: Context, *, more: bool) -> Answer:
    """One of them. An entry that is a `PredictionException` fails its own request only."""
    if isinstance(value, PredictionException):
        return failed(value, request_id)
    headers = context.get_response_headers(index)
    if more:
        headers[STREAM_NEXT] = "true"
    elif STREAM_NEXT in headers:
        headers[STREAM_NEXT] = "false"
    status, phrase = context.get_response_status(index)
    return Answer(
        request_id,
        200 if status is None else status_code(status),
        str(phrase or ""),
        {str(name): str(text) for name, text in headers.items() if name != "content-type"},
        context.get_response_content_type(index) or None,
        body_of(value),
    )


def failed(error: PredictionException, request_id: str) -> Answer:
    """The server's own form of an error, as an answer to one request."""
    code = status_code(error.error_code)
    body = {"code": code, "type": "InternalServerException", "message": str(error.message)}
    text = json.dumps(body, indent=2) + "\n"
    return Answer(request_id, code, "", {}, "application/json", text.encode())


def status_code(status: Any) -> int:
    """A status of HTTP; 500 for what is none."""
    try:
        code = int(status)
    except (TypeError, ValueError):
        code = 0
    if 200 <= code <= 999:
        return code
    logger.warning("%r is no status of HTTP; 500 is sent", status)
    return 500
