"""OpenAI's API as its callers speak it: documents in, documents or events out.

`ask` and `open` carry JSON as it is; what is in it is for whoever asks. An error within a stream is one as if
it had come before.
"""

import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from dragoman.core.errors import DragomanError
from dragoman.engines.upstream.events import EventReader, EventTooLongError
from dragoman.engines.upstream.failures import UpstreamError, cut, nonsense
from dragoman.engines.upstream.incoming import Answer
from dragoman.engines.upstream.request import Request
from dragoman.engines.upstream.server import Parts, Upstream

T = TypeVar("T")
CHAT: Final = "/chat/completions"
COMPLETIONS: Final = "/completions"
EMBEDDINGS: Final = "/embeddings"
MODELS: Final = "/models"
DONE: Final = b"[DONE]"
JSON_TYPE: Final = ("content-type", "application/json")
EVENTS_TYPE: Final = "text/event-stream"
FAILED: Final = 500


class OpenAiUpstream:
    """A server of OpenAI's API, whose place's prefix ends where the paths begin, as in `/v1`."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream

    async def ask(
        self,
        path: str,
        document: Mapping[str, Any],
        deadline_s: float | None,
        *,
        read: Callable[[dict[str, Any]], T],
        idempotent: bool = False,
    ) -> T:
        """What is read of the document that answers another.

        `read` raises ValueError or TypeError, with words, for one that is not as it should be.
        Errors: DragomanError.
        """

        def found(answer: Answer) -> T:
            try:
                return read(self._document(answer))
            except (TypeError, ValueError, OverflowError) as error:
                raise nonsense(self.upstream.name, str(error)) from error

        return await self.upstream.call(posted(path, document, idempotent=idempotent), found, deadline_s)

    async def look(self, path: str, deadline_s: float | None) -> dict[str, Any]:
        """The document at a path.

        Errors: DragomanError.
        """
        return await self.upstream.call(Request("GET", path, idempotent=True), self._document, deadline_s)

    async def open(self, path: str, document: Mapping[str, Any], deadline_s: float | None) -> "Events":
        """The events that answer a document with `stream` in it. Whoever has them closes them.

        Errors: DragomanError.
        """
        parts = await self.upstream.open(posted(path, document, idempotent=False), deadline_s)
        kind = parts.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != EVENTS_TYPE:
            raise parts.failed(nonsense(self.upstream.name, f"it is {kind[:80] or 'of no type'}, no events"))
        return Events(self.upstream.name, parts)

    def _document(self, answer: Answer) -> dict[str, Any]:
        return read_object(self.upstream.name, answer.body)


class Events:
    """The events of one answer. `is_done` = the last was the one that says so."""

    def __init__(self, name: str, parts: Parts) -> None:
        self.is_done = False
        self._name = name
        self._parts = parts
        self._reader = EventReader()
        self._ready: deque[bytes] = deque()

    async def next(self) -> dict[str, Any] | None:
        """The next event's document; None after the last.

        Errors: DragomanError.
        """
        while not self._ready:
            part = await self._parts.next()
            if part is None:
                if self._reader.within_event:
                    raise self._parts.failed(cut(self._name, answered=True))
                return None
            try:
                self._ready.extend(self._reader.feed(part))
            except EventTooLongError:
                raise self._parts.failed(nonsense(self._name, "an event of it is too long")) from None
        data = self._ready.popleft()
        if data.strip() == DONE:
            self.is_done = True
            await self._finish()
            return None
        try:
            document = read_object(self._name, data)
        except UpstreamError as error:
            raise self._parts.failed(error) from error
        if document.get("error"):
            raise self._parts.failed(self._parts.refusal(status_of(document), data))
        return document

    def broken(self, what: str) -> DragomanError:
        """The error for a document that is not what was to come next."""
        return self._parts.failed(nonsense(self._name, what))

    def cut(self) -> DragomanError:
        """The error for a stream that ends too early."""
        return self._parts.failed(cut(self._name, answered=True))

    def close(self) -> None:
        """Nobody reads on. Twice does no harm."""
        self._parts.close()

    async def _finish(self) -> None:
        """Have the connection for the next call, where the answer ends with its last event."""
        if await self._parts.next() is not None:
            self._parts.close()


def posted(path: str, document: Mapping[str, Any], *, idempotent: bool) -> Request:
    """The request with a document."""
    body = json.dumps(document, separators=(",", ":")).encode()
    return Request("POST", path, (body,), (JSON_TYPE,), idempotent=idempotent)


def read_object(name: str, data: bytes) -> dict[str, Any]:
    """The JSON object that the bytes are.

    Errors: UpstreamError.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise nonsense(name, "it is no JSON") from None
    if not isinstance(found, dict):
        raise nonsense(name, "it is no JSON object")
    return found


def status_of(document: Mapping[str, Any]) -> int:
    """The status that an event's error has, where it is told; else that of a server that failed."""
    error = document["error"]
    status = error.get("code") if isinstance(error, dict) else None
    return status if type(status) is int and 400 <= status < 600 else FAILED
