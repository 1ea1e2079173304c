"""The messages between the server and a worker, as docs/worker-protocol.md lists them.

A frame is four bytes of length, little-endian, and that much MessagePack: one of the structs below, told
apart by its name. Nothing is pickled, so that a worker can hand the server nothing but data.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.measures import Measurement
from dragoman.core.signatures import Signature
from dragoman.core.tensors import DType
from dragoman.engines.base import Artifact

MOST_BYTES: Final = 16 * 1024 * 1024  # large tensors do not travel in frames
MOST_MESSAGE: Final = 4096  # characters
PREFIX: Final = 4

Size = Annotated[int, Meta(ge=0)]
T = TypeVar("T")


class GarbledError(Exception):
    """What came is no message of this protocol. Whoever sent it is not spoken to any more."""


class Part(Struct, frozen=True, array_like=True):
    """One tensor. `data` None: its `size` bytes lie in the slot's shared memory at `offset`."""

    name: str
    dtype: DType
    shape: tuple[Size, ...]
    size: Size
    data: bytes | None = None
    offset: Size = 0


class Load(Struct, frozen=True, tag=True):
    """Server: load this model. `engine` is where the engine's class is found, `module:name`."""

    engine: str
    artifact: Artifact
    options: Mapping[str, Any]


class Infer(Struct, frozen=True, tag=True):
    """Server: answer this request, in parts where `stream` is set. `call` shares the server's clock."""

    slot: Size
    signature: str
    inputs: list[Part]
    outputs: list[str] | None
    call: CallContext
    stream: bool = False


class Job(Struct, frozen=True, array_like=True):
    """One request of a batch. `parts` = its body's: name, media type, which of the batch's bodies it is."""

    id: str
    headers: dict[str, str]
    parts: list[tuple[str, str | None, Size]]


class Batch(Struct, frozen=True, tag=True):
    """Server: have the handler answer these requests at once; `bodies` are those of all parts.

    `envelope` = what opens the bodies, where the handler's own settings name nothing.
    """

    slot: Size
    jobs: list[Job]
    bodies: list[Part]
    envelope: str | None = None


class More(Struct, frozen=True, tag=True):
    """Server: the reader of this stream is ready for the next part."""

    slot: Size


class Cancel(Struct, frozen=True, tag=True):
    """Server: nobody waits for this call any more; end it soon."""

    slot: Size


class Close(Struct, frozen=True, tag=True):
    """Server: close the model and end."""


class Ready(Struct, frozen=True, tag=True):
    """Worker: the model is loaded. `imported` = of the modules that workers could share those it has."""

    signatures: dict[str, Signature]
    concurrency: Annotated[int, Meta(ge=1)]
    imported: list[str] = []


class Failed(Struct, frozen=True, tag=True):
    """Worker: the model does not load; the worker ends."""

    code: Code
    message: str


class Result(Struct, frozen=True, tag=True):
    """Worker: the answer, or one part of a stream. `more`: the worker waits to be asked for the next."""

    slot: Size
    outputs: list[Part]
    more: bool = False


class End(Struct, frozen=True, tag=True):
    """Worker: that was the last part of the stream."""

    slot: Size


class Answer(Struct, frozen=True, array_like=True):
    """What a handler answers to one request, or a part of it."""

    status: int
    reason: str
    headers: dict[str, str]
    media_type: str | None


class Answers(Struct, frozen=True, tag=True):
    """Worker: the answers to a batch, or one part of each, with their `bodies`. `more` as in a result.

    `measured` = what the handler has measured meanwhile.
    """

    slot: Size
    answers: list[Answer]
    bodies: list[Part]
    more: bool = False
    measured: list[Measurement] = []


class Measured(Struct, frozen=True, tag=True):
    """Worker: what the handler has measured at another time."""

    measured: list[Measurement]


class Refused(Struct, frozen=True, tag=True):
    """Worker: there is no answer, and why. `status` = what a handler chose for that, in HTTP's terms."""

    slot: Size
    code: Code
    message: str
    status: int | None = None


def refused(slot: int, error: DragomanError) -> Refused:
    """The frame for an error that the model, or its handler, raised."""
    return Refused(slot, error.code, error.message[:MOST_MESSAGE], error.status)


def broke_down(slot: int) -> Refused:
    """The frame for any other; what it says is for the log."""
    message = "the model failed while it ran this request; the server's log tells more"
    return Refused(slot, Code.INTERNAL, message)


class Record(Struct, frozen=True, tag=True):
    """Worker: a line for the server's log."""

    level: str
    event: str
    fields: dict[str, str]


ToWorker = Load | Infer | Batch | More | Cancel | Close
FromWorker = Ready | Failed | Result | Answers | End | Refused | Measured | Record
TO_WORKER: Final = msgspec.msgpack.Decoder(ToWorker)
FROM_WORKER: Final = msgspec.msgpack.Decoder(FromWorker)
ENCODER: Final = msgspec.msgpack.Encoder()


def encode(frame: ToWorker | FromWorker) -> bytes:
    """The frame's bytes with their length before them.

    Errors: GarbledError for a frame that is too long.
    """
    body = ENCODER.encode(frame)
    if len(body) > MOST_BYTES:
        raise GarbledError(f"a frame of {len(body)} bytes; {MOST_BYTES} are allowed")
    return len(body).to_bytes(PREFIX, "little") + body


def decode(body: bytes, decoder: msgspec.msgpack.Decoder[T]) -> T:
    """The message in a frame.

    Errors: GarbledError.
    """
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise GarbledError(f"a frame that is no message: {error}") from error


class Splitter:
    """Cuts a stream of bytes into the bodies of frames. No more is kept than one frame may be long."""

    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        """Add what was read."""
        self._data += data

    def take(self) -> bytes | None:
        """The next whole body, or None until more has been read.

        Errors: GarbledError for a frame that is too long.
        """
        data = self._data
        if len(data) < PREFIX:
            return None
        end = PREFIX + int.from_bytes(data[:PREFIX], "little")
        if end - PREFIX > MOST_BYTES:
            raise GarbledError(f"a frame of {end - PREFIX} bytes; {MOST_BYTES} are allowed")
        if len(data) < end:
            return None
        body = bytes(data[PREFIX:end])
        del data[:end]
        return body
