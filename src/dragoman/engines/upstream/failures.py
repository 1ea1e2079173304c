"""What goes wrong with another server, in the words of our own callers.

What it says itself is shown where it speaks of the request (400, 413, 422, 429), cut and without our key. Of
the rest callers learn the kind, and the log the words.
"""

import json
import ssl
from collections.abc import Mapping
from typing import Any, Final

from dragoman.core.errors import Code, DragomanError, Reason

MOST_CHARS: Final = 1000
MOST_RETRY_S: Final = 3600.0
HIDDEN: Final = "***"
# Statuses that speak of the request itself: what the other server says of it is passed on.
OF_THE_REQUEST: Final[Mapping[int, Code]] = {
    400: Code.INVALID_ARGUMENT,
    409: Code.FAILED_PRECONDITION,
    413: Code.TOO_LARGE,
    422: Code.INVALID_ARGUMENT,
    429: Code.RESOURCE_EXHAUSTED,
}
REASONS: Final[Mapping[str, Reason]] = {
    "context_length_exceeded": Reason.CONTEXT_EXCEEDED,
    "unsupported_parameter": Reason.PARAMETER_UNSUPPORTED,
}
BROKEN: Final = frozenset({401, 500, 502, 503, 504})  # after which the next call fares no better, it seems


class UpstreamError(Exception):
    """A call that failed: the error for our caller, and what that means for the next try.

    `unsent` = nothing of the request can have been done, `busy` = the server said that it did nothing,
    `unanswered` = the connection broke before a byte of an answer. `is_broken` = the server is ill, and not
    the request; `answered` = it is well. `words` are the server's own, for the log.
    """

    def __init__(
        self,
        error: DragomanError,
        *,
        unsent: bool = False,
        busy: bool = False,
        unanswered: bool = False,
        is_broken: bool = True,
        answered: bool = False,
        words: str = "",
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.unsent = unsent
        self.busy = busy
        self.unanswered = unanswered
        self.is_broken = is_broken
        self.answered = answered
        self.words = words


def unreachable(name: str, why: str) -> UpstreamError:
    """No connection came about."""
    message = f"{name} cannot be reached: {why}"
    return UpstreamError(DragomanError(Code.UNAVAILABLE, message, retry_after_s=1.0), unsent=True)


def unconnected(name: str, error: OSError) -> UpstreamError:
    """The same in the words of the system."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return unreachable(name, f"its certificate is not trusted: {error.verify_message}")
    why = (error.strerror or str(error) or "no connection came about").lower()
    return unreachable(name, why)


def cut(name: str, *, answered: bool) -> UpstreamError:
    """The connection broke; `answered` = within an answer."""
    where = "within its answer" if answered else "without an answer"
    error = DragomanError(Code.UNAVAILABLE, f"{name} closed the connection {where}")
    return UpstreamError(error, unanswered=not answered)


def nonsense(name: str, what: str) -> UpstreamError:
    """An answer that is none."""
    return UpstreamError(DragomanError(Code.INTERNAL, f"{name} gave an answer that is none: {what}"))


def late(name: str, what: str, limit_s: float) -> UpstreamError:
    """A time limit of ours has passed."""
    message = f"{name} {what} within {limit_s:g} s"
    return UpstreamError(DragomanError(Code.DEADLINE_EXCEEDED, message))


def overdue(name: str) -> UpstreamError:
    """The caller's own deadline has passed, which says nothing of the other server."""
    message = f"{name} gave no answer before the deadline"
    return UpstreamError(DragomanError(Code.DEADLINE_EXCEEDED, message), is_broken=False)


def refusal(name: str, status: int, headers: Mapping[str, str], body: bytes, key: str) -> UpstreamError:
    """The failure that an answer of this status is."""
    words, param, kind = spoken(body)
    words = without_key(words, key)[:MOST_CHARS]
    after_s = retry_after_s(headers)
    code = OF_THE_REQUEST.get(status)
    if code is not None:
        error = DragomanError(
            code,
            words or f"{name} refuses the request (status {status})",
            reason=REASONS.get(kind),
            retry_after_s=after_s,
            param=param,
        )
        return UpstreamError(error, is_broken=False, answered=True, words=words)
    error = DragomanError(*worded(name, status, headers), retry_after_s=after_s)
    broken = status in BROKEN or 300 <= status < 400
    return UpstreamError(error, busy=status == 503, is_broken=broken, answered=not broken, words=words)


def worded(name: str, status: int, headers: Mapping[str, str]) -> tuple[Code, str]:
    """The code and message of a status that says nothing of the request."""
    if 300 <= status < 400:
        return Code.INTERNAL, f"{name} answers with a redirect (status {status}), and none is followed"
    if status in (401, 403):
        return Code.UNAVAILABLE, f"{name} does not accept this server's key (status {status})"
    if status == 404:
        return Code.UNAVAILABLE, f"{name} knows no such model or path (status 404)"
    if status in (408, 504):
        return Code.DEADLINE_EXCEEDED, f"{name} gave no answer in time (status {status})"
    if status in (405, 501):
        return Code.UNIMPLEMENTED, f"{name} does not do this (status {status})"
    if status in (502, 503):
        return Code.UNAVAILABLE, f"{name} is not available (status {status})"
    return Code.INTERNAL, f"{name} failed (status {status})"


def spoken(body: bytes) -> tuple[str, str | None, str]:
    """What an error's body says: its message, the field that is wrong, and OpenAI's code; empty = nothing."""
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        return "", None, ""
    error = found.get("error", found) if isinstance(found, dict) else None
    if isinstance(error, str):
        return error, None, ""
    if not isinstance(error, dict):
        return "", None, ""
    message, param, kind = (error.get(name) for name in ("message", "param", "code"))
    return (
        message if isinstance(message, str) else "",
        param if isinstance(param, str) else None,
        kind if isinstance(kind, str) else "",
    )


def without_key(text: str, key: str) -> str:
    """A text that does not show our key, where the other server repeats it."""
    return text.replace(key, HIDDEN) if key else text


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """After how many seconds the other server wants to be asked again; None = it does not say."""
    given = headers.get("retry-after", "").strip()
    if not given.isascii() or not given.isdecimal() or len(given) > 9:
        return None  # a date would be of the other server's clock
    return min(float(given), MOST_RETRY_S)
