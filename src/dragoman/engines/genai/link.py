"""What goes between the server and the process that steps a pipeline: msgpack behind four bytes of length."""

import socket
from collections.abc import Sequence
from typing import Final, Literal

import msgspec
from msgspec import Struct

from dragoman.core.generation import Finish, Sampling
from dragoman.engines.genai.options import GenAiOptions

HEAD: Final = 4
PIECE: Final = 1 << 16


class Start(Struct, frozen=True, tag=True):
    """The model to write with; the first that is sent. `ends`, `defaults` are what its files say."""

    folder: str
    options: GenAiOptions
    ends: tuple[int, ...]
    defaults: Sampling


class Begin(Struct, frozen=True, tag=True):
    """Begin a text."""

    handle: int
    ids: Sequence[int]
    sampling: Sampling


class Cancel(Struct, frozen=True, tag=True):
    """End a text."""

    handle: int


class Started(Struct, frozen=True, tag=True):
    """The answer to `Start`. `refusal` = why there is no model, in the runtime's own words, for the log."""

    refusal: str | None = None


class Told(Struct, frozen=True, array_like=True):
    """What steps gave to one text. `failure` = it ends for another reason than `Finish` has."""

    handle: int
    ids: Sequence[int] = ()
    logprobs: Sequence[float] = ()
    finish: Finish | None = None
    failure: Literal["failed", "no_room"] | None = None


class Steps(Struct, frozen=True, tag=True):
    """What steps gave. `causes` = the runtime's own words for failures, for the log."""

    told: Sequence[Told]
    causes: Sequence[str] = ()


Message = Start | Begin | Cancel | Started | Steps
ENCODER: Final = msgspec.msgpack.Encoder()
DECODER: Final = msgspec.msgpack.Decoder(Message)


class Link:
    """One end. Sent by one thread and received by one."""

    def __init__(self, own: socket.socket) -> None:
        self._socket = own
        self._buffer = bytearray()

    def send(self, message: Message) -> None:
        """Send it; this may block.

        Errors: OSError where the other end is gone.
        """
        data = ENCODER.encode(message)
        self._socket.sendall(len(data).to_bytes(HEAD, "little") + data)

    def receive(self, *, wait: bool = True) -> Message | None:
        """The next message; None where none has come and nobody waits.

        Errors: EOFError where the other end is gone.
        """
        while True:
            message = self._whole()
            if message is not None:
                return message
            try:
                data = self._socket.recv(PIECE, 0 if wait else socket.MSG_DONTWAIT)
            except BlockingIOError:
                return None
            except OSError:
                data = b""
            if not data:
                raise EOFError
            self._buffer += data

    def end(self) -> None:
        """Have the other end see that nothing more comes, and this one receive nothing more."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is gone already

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def _whole(self) -> Message | None:
        """The next message, if all of it is here."""
        buffer = self._buffer
        if len(buffer) < HEAD:
            return None
        end = HEAD + int.from_bytes(buffer[:HEAD], "little")
        if len(buffer) < end:
            return None
        message: Message = DECODER.decode(memoryview(buffer)[HEAD:end])
        del buffer[:end]
        return message
