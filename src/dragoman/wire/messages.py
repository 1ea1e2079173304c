"""What a transport hands to a codec and takes from it."""

from collections.abc import Mapping
from typing import Final, Protocol

from msgspec import Struct, field

Header = tuple[bytes, bytes]
Headers = list[Header]
NO_PARAMS: Final[Mapping[str, str]] = {}


class WireRequest(Struct, gc=False):
    """One request as it arrived.

    `path` and `params` are raw: not percent-decoded, without the query and without a mount's prefix.
    `headers` keep order and case; `header()` looks one up without regard to case. Over gRPC `path` is the
    full method name, `headers` the metadata, `body` the message. `deadline_s` is the client's own, in seconds
    of the monotonic clock; None = it set none. `deployment` names the one whose mount led here, if one did.
    """

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes | bytearray | memoryview
    params: Mapping[str, str] = NO_PARAMS
    peer: str = ""
    deadline_s: float | None = None
    deployment: str = ""

    def header(self, name: bytes) -> bytes | None:
        """The first value of the header of this lower-case name."""
        size = len(name)
        for key, value in self.headers:
            if len(key) == size and key.lower() == name:
                return value
        return None


class AnswerStream(Protocol):
    """The parts of an answer. `aclose` may come at any point, also before the first part.

    `ending`, after the last part, is an error for the transport's own status, where that can still tell it.
    """

    ending: "WireResponse | None"

    def __aiter__(self) -> "AnswerStream": ...
    async def __anext__(self) -> bytes: ...
    async def aclose(self) -> None:
        """Stop: nobody reads on."""


class WireResponse(Struct, gc=False):
    """One answer. `status` is the transport's own number (HTTP, or gRPC with `message`).

    `stream` is set instead of `body` for an answer that comes in parts; whoever reads it calls its `aclose`.
    Of HTTP alone: `content_type` empty = the answer has none; `reason` = the phrase after the status, None =
    the usual one; `keep_alive` = what the answer says of its connection, None = nothing beyond what it must.
    """

    status: int
    body: bytes | bytearray | memoryview = b""
    content_type: bytes = b"application/json"
    headers: Headers = field(default_factory=list)
    stream: AnswerStream | None = None
    message: str = ""
    reason: bytes | None = None
    keep_alive: bool | None = None
