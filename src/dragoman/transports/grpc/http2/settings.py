"""What a client says of itself in SETTINGS (RFC 9113, section 6.5)."""

from collections.abc import Mapping
from typing import Final

from dragoman.transports.grpc.http2.errors import ConnectionFault, ErrorCode
from dragoman.transports.grpc.http2.frames import (
    ENABLE_PUSH,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    MOST_FRAME_BYTES,
    MOST_WINDOW,
    SETTING,
    USUAL_FRAME_BYTES,
)

# The least and the most of a value, and what others are.
BOUNDS: Final[Mapping[int, tuple[int, int, ErrorCode]]] = {
    ENABLE_PUSH: (0, 1, ErrorCode.PROTOCOL_ERROR),
    INITIAL_WINDOW_SIZE: (0, MOST_WINDOW, ErrorCode.FLOW_CONTROL_ERROR),
    MAX_FRAME_SIZE: (USUAL_FRAME_BYTES, MOST_FRAME_BYTES, ErrorCode.PROTOCOL_ERROR),
}


def read_settings(payload: bytes) -> dict[int, int]:
    """The values by their numbers, the last where one comes twice; also those that nobody knows.

    Errors: ConnectionFault for a value that cannot be.
    """
    found: dict[int, int] = {}
    for number, value in SETTING.iter_unpack(payload):
        least, most, code = BOUNDS.get(number, (0, 2**32, ErrorCode.NO_ERROR))
        if not least <= value <= most:
            raise ConnectionFault(code, f"setting {number} is {value}")
        found[number] = value
    return found
