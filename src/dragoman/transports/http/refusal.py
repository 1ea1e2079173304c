"""Requests that are refused before a handler sees them."""

from collections.abc import Mapping
from typing import Final

import msgspec

from dragoman.core.errors import Code, DragomanError
from dragoman.wire.messages import WireResponse

CODES: Final[Mapping[int, Code]] = {
    400: Code.INVALID_ARGUMENT,
    404: Code.NOT_FOUND,
    405: Code.UNIMPLEMENTED,
    408: Code.DEADLINE_EXCEEDED,
    413: Code.TOO_LARGE,
    414: Code.INVALID_ARGUMENT,
    417: Code.INVALID_ARGUMENT,
    431: Code.INVALID_ARGUMENT,
    501: Code.UNIMPLEMENTED,
    503: Code.UNAVAILABLE,
    505: Code.UNIMPLEMENTED,
}


class Refusal(Exception):
    """What arrived is no request that can be answered; the connection ends. The message is for the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def as_error(self) -> DragomanError:
        """The same for a protocol to word."""
        return DragomanError(CODES[self.status], self.message, status=self.status)


def neutral(status: int, message: str) -> WireResponse:
    """An error in the form of no protocol."""
    return WireResponse(status, msgspec.json.encode({"error": message}))
