"""What an HTTP answer means that is not 200."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from dragoman.client.errors import BadAnswer, ClientError, Code, ServerError
from dragoman.client.exchange import Answer
from dragoman.core.errors import DragomanError
from dragoman.wire.json_tree import load

OK: Final = 200
MAX_DEPTH: Final = 1024
SHOWN_CHARS: Final = 200

CODES: Final[Mapping[int, Code]] = {
    400: Code.INVALID_ARGUMENT,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.NOT_FOUND,
    405: Code.UNIMPLEMENTED,
    408: Code.DEADLINE_EXCEEDED,
    409: Code.ALREADY_EXISTS,
    412: Code.FAILED_PRECONDITION,
    413: Code.TOO_LARGE,
    429: Code.RESOURCE_EXHAUSTED,
    431: Code.TOO_LARGE,
    499: Code.CANCELLED,
    500: Code.INTERNAL,
    501: Code.UNIMPLEMENTED,
    503: Code.UNAVAILABLE,
    504: Code.DEADLINE_EXCEEDED,
}


def code_of(status: int) -> Code:
    """The code of a status; the family decides where it is not in the table."""
    known = CODES.get(status)
    return known or (Code.INVALID_ARGUMENT if status < 500 else Code.INTERNAL)


def failure(answer: Answer) -> ClientError:
    """The error that an answer other than 200 is."""
    status = answer.status
    if status < 400:
        place = answer.headers.get("location")
        hint = f": it is at {place}" if place else ""
        return BadAnswer(f"the server answers {status}, where 200 is due{hint}")
    return ServerError(
        told(answer),
        code=code_of(status),
        status=status,
        retry_after_s=retry_after(answer.headers),
    )


def told(answer: Answer) -> str:
    """What the server says: the `error` of a JSON object, else the beginning of the text."""
    body = bytes(answer.body)
    try:
        document = load(body, MAX_DEPTH)
    except DragomanError:
        document = None
    reason = document.get("error") if isinstance(document, dict) else None
    if isinstance(reason, str) and reason:
        return reason
    text = " ".join(body[: SHOWN_CHARS * 4].decode("utf-8", "replace").split())[:SHOWN_CHARS]
    return text or "the server does not say why"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds until the server wants to be asked again, whichever of the two forms it says so in.

    A date is told from the answer's own Date, so that the two machines' clocks need not agree.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        return None
    return max(0.0, wait.total_seconds())
