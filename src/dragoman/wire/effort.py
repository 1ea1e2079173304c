"""How much of a body has to be worked through, which decides whether the event loop does that or a thread.

The unit is a byte of JSON numbers. Of texts, and of raw bytes that are copied, sixteen take as long. An image
is one long text or a few: what consists of few parts is cheap, however long these are. To find that out takes
a search over the body, which is asked for with long ones only, and ends early where there are many parts.
"""

from collections.abc import Iterator
from typing import Any, Final

from dragoman.core.errors import DragomanError
from dragoman.core.tensors import DType
from dragoman.wire.messages import WireRequest
from dragoman.wire.predict_message import INPUTS, TENSOR
from dragoman.wire.proto_fields import Data, as_data, fields
from dragoman.wire.tensor_proto import CONTENT, DATA_TYPES, DOUBLES, DTYPE, FLOATS, STRING

MOST_SEARCHED: Final = 1 << 20  # bytes of JSON; even texts of more take long
MOST_PARTS: Final = 64
PART_BYTES: Final = 64  # what a part takes beside its bytes
COPIED: Final = 16
SEPARATORS: Final = (b",", b"[", b"{", b"\\")  # escapes make texts slow to read
BYTES: Final = DATA_TYPES[DType.BYTES]
WHERE_THEY_LIE: Final = frozenset({FLOATS, DOUBLES, STRING})  # strings are copied, and each is a part


class TooManyPartsError(Exception):
    """A message has more parts than are counted."""


class Parts:
    """The fields of a message and of those in it, as many as are counted."""

    def __init__(self) -> None:
        self.count = 0

    def of(self, data: Data) -> Iterator[tuple[int, Any]]:
        """Every field of a message.

        Errors: TooManyPartsError; INVALID_ARGUMENT for what is no message.
        """
        for found in fields(data):
            self.count += 1
            if self.count > MOST_PARTS:
                raise TooManyPartsError
            yield found


def json_to_read(wire: WireRequest) -> int:
    """That of a body which is a JSON document. Compressed, it counts wholly."""
    whole = len(wire.body)
    if whole > MOST_SEARCHED or wire.header(b"content-encoding") is not None:
        return whole
    body = bytes(wire.body)
    parts = 0
    for separator in SEPARATORS:
        at = body.find(separator)
        while at >= 0:
            parts += 1
            if parts > MOST_PARTS:
                return whole
            at = body.find(separator, at + 1)
    return copied(whole, parts)


def predict_message_to_read(wire: WireRequest) -> int:
    """That of a PredictRequest: raw numbers stay where they lie, and strings are read one by one."""
    parts, work = Parts(), 0
    try:
        for key, value in parts.of(as_data(wire.body)):
            if key != INPUTS:
                work += size_of(value)
                continue
            for entry_key, entry in parts.of(value):
                work += tensor_to_read(entry, parts) if entry_key == TENSOR else size_of(entry)
    except DragomanError:
        return 0  # it is refused at once
    except TooManyPartsError:
        return len(wire.body)
    return work + copied(len(wire.body), parts.count)


def tensor_to_read(data: Data, parts: Parts) -> int:
    """What is read one by one of a TensorProto."""
    dtype = content = work = 0
    for key, value in parts.of(data):
        if key == DTYPE:
            dtype = value
        elif key == CONTENT:
            content += len(value)
        elif key not in WHERE_THEY_LIE:
            work += size_of(value)
    return work + content if dtype == BYTES else work


def size_of(value: int | Data) -> int:
    """The bytes of a field's value; none of a number's."""
    return 0 if isinstance(value, int) else len(value)


def copied(size: int, parts: int) -> int:
    """That of so many bytes which are copied, in so many parts."""
    return size // COPIED + parts * PART_BYTES
