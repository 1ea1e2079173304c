"""The head of a request: what its request line and headers say."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from dragoman.wire.messages import NO_PARAMS, Headers
from dragoman.wire.operation import Operation

CHUNKED: Final = -1  # the body itself tells where it ends

CACHED_HEADS: Final = 1024
CACHED_HEAD_BYTES: Final = 1024  # longer heads are parsed each time, so that the cache stays small


class Route(Struct, frozen=True):
    """What answers a request: an operation, with the path as it sees it.

    `path` is without a mount's prefix, and `deployment` names what that led to. `params` are what the
    placeholders of the template stand for, and that of the mount's deployment.
    """

    operation: Operation
    path: str
    params: Mapping[str, str] = NO_PARAMS
    deployment: str = ""


class Head:
    """A head that may be answered. One may belong to many requests: nobody writes to it but for `route`.

    `path` and `query` are raw. `body_size` is a number of bytes, or CHUNKED. `waits` = the client sends the
    body after a 100. `route` is what the router found, once it was asked.
    """

    __slots__ = ("body_size", "headers", "keep_alive", "method", "modern", "path", "query", "route", "waits")

    def __init__(
        self,
        method: str,
        path: str,
        query: str,
        headers: Headers,
        *,
        modern: bool,
        keep_alive: bool,
        body_size: int,
        waits: bool,
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.modern = modern  # HTTP/1.1, not 1.0
        self.keep_alive = keep_alive
        self.body_size = body_size
        self.waits = waits
        self.route: Route | None = None


class HeadCache:
    """Heads by their bytes.

    What a head says follows from its bytes alone, and clients repeat theirs: the same model, the same
    headers, one of few body sizes. Most heads are therefore parsed and routed once.
    """

    __slots__ = ("_heads", "find")

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}
        self.find = self._heads.get

    def add(self, data: bytes, head: Head) -> None:
        """Remember what these bytes say."""
        if len(data) <= CACHED_HEAD_BYTES:
            if len(self._heads) >= CACHED_HEADS:
                self._heads.clear()
            self._heads[data] = head

    def clear(self) -> None:
        """Forget all: paths lead elsewhere from now on."""
        self._heads.clear()
