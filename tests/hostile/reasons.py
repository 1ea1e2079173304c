"""Why this server does otherwise than both nginx and haproxy, row by row."""

from collections.abc import Mapping
from typing import Final

LONE_LF: Final = (
    "RFC 9112 2.2 allows a lone LF to be read as the end of a line and does not ask for it. Servers that "
    "disagree about where a line ends are how requests are smuggled, and no client library sends it."
)
CHUNKS: Final = (
    "Both read on past what the grammar does not have. Chunk sizes decide where the next request begins, "
    "so nothing about them is guessed."
)
OVERHEAD: Final = (
    "Both read extensions without a bound of their own (haproxy's is its buffer). They carry nothing that "
    "is used, and a few bytes of body can be made to cost any amount of reading: Go has bounded them "
    "since 2023."
)
PRECISE: Final = "All refuse it. The status tells the client what to change: RFC 6585 has 431 for this."
VERSION: Final = (
    "No client sends it. Answering 505 keeps what follows an unknown version from being read as HTTP/1.1."
)
TOO_LARGE: Final = (
    "nginx answers 413, too, and then waits for the body; haproxy has no limit. Here the connection ends "
    "with the answer, after a while in which the client may read it: the body is not worth receiving."
)

REASONS: Final[Mapping[str, str]] = {
    "Content-Length beyond the limit": TOO_LARGE,
    "bare LF everywhere": LONE_LF,
    "bare LF after one header": LONE_LF,
    "control code in a value": (
        "RFC 9110 5.5: such values are invalid and dangerous. haproxy and nginx pass them on."
    ),
    "header of 2 MB": PRECISE,
    "10,000 headers": PRECISE,
    "101 short headers": (
        "haproxy refuses more than 101 with 400; nginx counts bytes only. RFC 6585 has 431 for this."
    ),
    "CONNECT": "All refuse it. RFC 9110 9.1 has 501 for a method that a server does not implement at all.",
    "HTTP/0.9": (
        "nginx sends the bare body that 0.9 asks for, haproxy refuses with 400. 505 says what is wrong."
    ),
    "HTTP/1.2": VERSION,
    "HTTP/2 with prior knowledge": (
        "nginx refuses it with 400, haproxy speaks HTTP/2. 505 says what is wrong."
    ),
    "many empty lines before a request": "RFC 9112 2.2 asks to ignore at least one; one is ignored.",
    "chunk size beyond the limit": "All refuse it. The number is well-formed and the body too large: 413.",
    "space after a chunk size": CHUNKS,
    "bare LF after a chunk size": CHUNKS,
    "bare LF after a chunk": CHUNKS,
    "NUL in a chunk extension": CHUNKS,
    "chunk extension of 5,000 bytes": OVERHEAD,
    "flood of chunk extensions": OVERHEAD,
    "1,000 trailers": (
        "Trailers are bounded as headers are. nginx drops any number of them, haproxy refuses with 400."
    ),
    "folded trailer": "Refused where headers are refused: RFC 9112 5.2 applies to both.",
    "100-continue with too large a body": TOO_LARGE,
    "another expectation": "RFC 9110 10.1.1 allows 417; both ignore what the client said it depends on.",
    "pipeline, then half-close": (
        "nginx gives up on a client that has shut its side, haproxy may close after the first answer. Here "
        "every request that was sent is answered."
    ),
    "half a body, then half-close": "Both hang up without a word; the client can still read why.",
}
