"""What passes between a worker and a handler."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

Buffer = bytes | bytearray | memoryview


class Part(NamedTuple):
    """One named part of a request's body; the body of a request that has no parts is called `body`.

    A `bytearray` is handed to the handler as it is, anything else as a copy.
    """

    name: str
    content_type: str | None
    value: Buffer


class Request(NamedTuple):
    """One request. Among its headers are the server's own: explain, url_path, describe."""

    id: str
    headers: Mapping[str, str]
    parts: Sequence[Part]


class Answer(NamedTuple):
    """The answer to one request, or a part of it; the headers do not hold the content type."""

    request_id: str
    status: int
    phrase: str
    headers: Mapping[str, str]
    content_type: str | None
    body: bytes | bytearray


class HandlerFailureError(Exception):
    """What the server answers instead of the handler: a status and a message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class LoadFailureError(HandlerFailureError):
    """The handler does not load."""


class BatchFailureError(HandlerFailureError):
    """The whole batch gets this answer."""


@dataclass
class BatchState:
    """The requests that the handler has at hand."""

    request_ids: dict[int, str] | None = None
    request_processor: Any = None


class ThreadsBatchState(threading.local):
    """The same, for each thread its own."""

    def __init__(self) -> None:
        super().__init__()
        self.request_ids: dict[int, str] | None = None
        self.request_processor: Any = None
