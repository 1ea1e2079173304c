"""HTTP/2 frames: their types, what each may look like, and those that a server sends (RFC 9113)."""

import struct
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from dragoman.transports.grpc.http2.errors import ConnectionFault, ErrorCode, protocol_fault

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES: Final = 9
USUAL_FRAME_BYTES: Final = 16_384  # the most that a peer takes which has said nothing
MOST_FRAME_BYTES: Final = 2**24 - 1
USUAL_WINDOW: Final = 65_535
MOST_WINDOW: Final = 2**31 - 1

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = range(5)
PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(5, 10)
END_STREAM: Final = 0x1
ACK: Final = 0x1  # of SETTINGS and PING
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
WITH_PRIORITY: Final = 0x20

# SETTINGS
HEADER_TABLE_SIZE: Final = 1
ENABLE_PUSH: Final = 2
MAX_CONCURRENT_STREAMS: Final = 3
INITIAL_WINDOW_SIZE: Final = 4
MAX_FRAME_SIZE: Final = 5
MAX_HEADER_LIST_SIZE: Final = 6


class FrameRule(Struct, frozen=True):
    """What a frame must be. `on_stream` None = of a stream or of the connection."""

    name: str
    on_stream: bool | None
    least: int = 0
    most: int = USUAL_FRAME_BYTES  # what more one may announce is for DATA and header blocks
    multiple: int = 1


RULES: Final[Mapping[int, FrameRule]] = {
    DATA: FrameRule("DATA", on_stream=True, most=MOST_FRAME_BYTES),
    HEADERS: FrameRule("HEADERS", on_stream=True, most=MOST_FRAME_BYTES),
    PRIORITY: FrameRule("PRIORITY", on_stream=True, least=5, most=5),
    RST_STREAM: FrameRule("RST_STREAM", on_stream=True, least=4, most=4),
    SETTINGS: FrameRule("SETTINGS", on_stream=False, multiple=6),
    PING: FrameRule("PING", on_stream=False, least=8, most=8),
    GOAWAY: FrameRule("GOAWAY", on_stream=False, least=8),
    WINDOW_UPDATE: FrameRule("WINDOW_UPDATE", on_stream=None, least=4, most=4),
    CONTINUATION: FrameRule("CONTINUATION", on_stream=True, most=MOST_FRAME_BYTES),
}

FRAME_HEAD: Final = struct.Struct(">HBBBI")  # the length in two parts, type, flags, stream
WORD: Final = struct.Struct(">I")
SETTING: Final = struct.Struct(">HI")


def check_rule(kind: int, stream: int, size: int) -> bool:
    """Whether the frame is of a known type.

    Errors: ConnectionFault where it is, and cannot look like this.
    """
    rule = RULES.get(kind)
    if rule is None:
        if kind == PUSH_PROMISE:
            raise protocol_fault("a client cannot push")
        return False
    if rule.on_stream is not None and rule.on_stream != bool(stream):
        raise protocol_fault(f"{rule.name} on stream {stream}")
    if not rule.least <= size <= rule.most or size % rule.multiple:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, f"{rule.name} of {size} bytes")
    return True


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A whole frame."""
    size = len(payload)
    return FRAME_HEAD.pack(size >> 8, size & 0xFF, kind, flags, stream) + payload


def settings(values: Mapping[int, int]) -> bytes:
    """A SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join(SETTING.pack(*pair) for pair in values.items()))


def window_update(stream: int, size: int) -> bytes:
    """Leave to send so many bytes more."""
    return frame(WINDOW_UPDATE, 0, stream, WORD.pack(size))


def reset(stream: int, code: ErrorCode) -> bytes:
    """The end of a stream."""
    return frame(RST_STREAM, 0, stream, WORD.pack(code))


def goaway(last: int, code: ErrorCode, why: str = "") -> bytes:
    """The end of a connection: streams up to `last` have been looked at."""
    return frame(GOAWAY, 0, 0, WORD.pack(last) + WORD.pack(code) + why.encode())


SETTINGS_ACK: Final = frame(SETTINGS, ACK, 0)
