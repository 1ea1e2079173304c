"""How a gRPC call ends, as header blocks."""

import base64
import re
from typing import Final

from dragoman.transports.grpc.http2.frames import USUAL_FRAME_BYTES
from dragoman.transports.grpc.http2.hpack import encoded
from dragoman.transports.grpc.http2.static_table import Field
from dragoman.wire.messages import Headers

MAX_DETAILS: Final = 1024  # characters, as in TensorFlow Serving; clients take 8 KiB of trailers
CUT_OFF: Final = "...TRUNCATED"

# The numbers of gRPC's statuses that the transport itself uses.
OK: Final = 0
DEADLINE_EXCEEDED: Final = 4
RESOURCE_EXHAUSTED: Final = 8
UNIMPLEMENTED: Final = 12
INTERNAL: Final = 13
UNAVAILABLE: Final = 14
NAME: Final = re.compile(rb"[a-z0-9_.-]+")
VALUE: Final = re.compile(rb"[\x20-\x7e]*")
UNSAFE: Final = re.compile(rb"[^\x20-\x24\x26-\x7e]")  # of a message; % itself is escaped too

CONTENT_TYPE: Final = (b"content-type", b"application/grpc")
HEAD: Final = encoded([(b":status", b"200"), CONTENT_TYPE])
OK_TRAILERS: Final = encoded([(b"grpc-status", b"0")])


def trailers(status: int, message: str, headers: Headers, *, alone: bool, http_status: int = 200) -> bytes:
    """The block that ends a call; `alone` = nothing of the answer precedes it.

    Errors: ValueError for headers that cannot be sent.
    """
    fields: list[Field] = []
    if alone:
        fields += [(b":status", b"%d" % http_status), CONTENT_TYPE]
    fields.append((b"grpc-status", b"%d" % status))
    if message:
        fields.append((b"grpc-message", escaped(details(message))))
    fields += [field(name, value) for name, value in headers]
    block = encoded(fields)
    if len(block) > USUAL_FRAME_BYTES:
        raise ValueError(f"{len(block)} bytes of metadata are more than one frame holds")
    return block


def field(name: bytes, value: bytes) -> Field:
    """A header of an answer as metadata.

    Errors: ValueError where it cannot be.
    """
    name = name.lower()
    if name.endswith(b"-bin"):
        value = base64.b64encode(value).rstrip(b"=")
    if not NAME.fullmatch(name) or not VALUE.fullmatch(value):
        raise ValueError(f"{name!r}: {value!r} cannot be metadata")
    return name, value


def details(message: str) -> str:
    """The message as the status carries it."""
    text = message.encode("utf-8", "replace").decode()
    return text if len(text) <= MAX_DETAILS else text[:MAX_DETAILS] + CUT_OFF


def escaped(message: str) -> bytes:
    """The message as a header carries it."""
    return UNSAFE.sub(lambda found: b"%%%02X" % found[0][0], message.encode())
