"""The token API: a new key for inference or management, for whoever has the key that may ask for it."""

from typing import Final

from dragoman.core.control import ControlRequest, ControlResult, RenewKey
from dragoman.core.errors import Code, DragomanError
from dragoman.protocols.torchserve.answers import Manner, finished
from dragoman.protocols.torchserve.errors import TYPES, answer_error, told
from dragoman.protocols.torchserve.management.parameters import read_query
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest, WireResponse

REFUSED: Final = 400  # where others say 401


def parse_renewal(wire: WireRequest, _: Limits) -> RenewKey:
    """The use whose key is to be a new one, and what the caller shows."""
    shown = wire.header(b"authorization")
    return RenewKey(read_query(wire).text("type"), None if shown is None else shown.decode("latin-1"))


def encode_renewal(manner: Manner, _: ControlResult) -> WireResponse:
    """Nothing but the end of a line: the key is in the file."""
    return finished(manner, WireResponse(200, b"\n"))


def fail_renewal(manner: Manner, _: ControlRequest | None, error: DragomanError) -> WireResponse:
    """No new key; the reference has a sentence of its own for a key that is not the right one."""
    if error.code is Code.UNAUTHENTICATED:
        return told(manner, REFUSED, TYPES[error.code], error.message)
    return answer_error(manner, error)
