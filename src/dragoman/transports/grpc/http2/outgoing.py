"""What leaves a connection, as far as the client's windows and the socket let it.

What is written while frames are being read is gathered and leaves in one go. A stream that may not send
waits for its own window; one that could but for the connection's, or for the socket, waits in line, and from
the line each sends a frame at a time.
"""

import asyncio
from collections import deque
from typing import Final, Protocol

from dragoman.transports.grpc.http2.frames import (
    DATA,
    FRAME_HEAD,
    USUAL_FRAME_BYTES,
    USUAL_WINDOW,
)

Piece = bytes | bytearray | memoryview
JOINED_BYTES: Final = 16 * 1024  # longer ones are handed to the socket as they are, not copied
HIGH_WATER: Final = 256 * 1024
LONGEST_FRAME: Final = 1024 * 1024  # so that others get a turn, whatever the client takes


class Sender(Protocol):
    """A stream with something to send. `queue` holds `queued` bytes; `window` is the client's."""

    id: int
    window: int
    queue: deque[Piece]
    queued: int

    def sent(self) -> None:
        """The queue is empty."""


class Outgoing:
    """One connection's way out."""

    __slots__ = (
        "_closed",
        "_gathered",
        "_line",
        "_transport",
        "gathering",
        "most_frame",
        "stalled",
        "window",
    )

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(HIGH_WATER)
        self._gathered: list[Piece] = []
        self._line: dict[Sender, None] = {}
        self._closed = False
        self.gathering = False
        self.stalled = False  # the socket does not take more
        self.window = USUAL_WINDOW
        self.most_frame = USUAL_FRAME_BYTES

    def write(self, data: bytes) -> None:
        """Write frames that no window counts."""
        if self.gathering:
            self._gathered.append(data)
        elif not self._closed:
            self._transport.write(data)

    def flush(self) -> None:
        """Write what was gathered."""
        self.gathering = False
        gathered = self._gathered
        if self._closed:
            gathered.clear()
        elif len(gathered) == 1:
            self._transport.write(gathered[0])
            gathered.clear()
        elif gathered:
            self._gathered = []
            if sum(map(len, gathered)) <= JOINED_BYTES:
                self._transport.write(b"".join(gathered))
            else:
                self._transport.writelines(gathered)

    def close(self) -> None:
        """Write nothing more."""
        self.flush()
        self._closed = True

    def drop_all(self) -> None:
        """Write nothing more, nor what was gathered: nobody is there."""
        self._closed = True
        self._gathered.clear()

    @property
    def waiting(self) -> bool:
        """Whether anything was gathered."""
        return bool(self._gathered)

    @property
    def free(self) -> int:
        """How many bytes a stream may send at once."""
        return 0 if self.stalled or self._line else min(self.window, self.most_frame, JOINED_BYTES)

    @property
    def busy(self) -> bool:
        """Whether a stream waits for the connection."""
        return bool(self._line)

    def send(self, stream: Sender) -> None:
        """Send what the stream has, as far as that goes."""
        while stream.queued and stream.window > 0:
            if self.stalled or self.window <= 0:
                self._line[stream] = None
                return
            self._send_frame(stream)
        if not stream.queued:
            stream.sent()

    def resume(self) -> None:
        """The connection's window is wider, or the socket takes more."""
        line = self._line
        while line and not self.stalled and self.window > 0:
            stream = next(iter(line))
            del line[stream]
            if stream.queued and stream.window > 0:
                self._send_frame(stream)
            if not stream.queued:
                stream.sent()
            elif stream.window > 0:
                line[stream] = None

    def drop(self, stream: Sender) -> None:
        """The stream sends nothing more."""
        self._line.pop(stream, None)
        stream.queue.clear()
        stream.queued = 0

    def _send_frame(self, stream: Sender) -> None:
        """One frame of what the stream has."""
        size = left = min(stream.queued, stream.window, self.window, self.most_frame, LONGEST_FRAME)
        pieces: list[Piece] = [FRAME_HEAD.pack(size >> 8, size & 0xFF, DATA, 0, stream.id)]
        queue = stream.queue
        while left:
            piece = queue.popleft()
            if len(piece) > left:
                whole = memoryview(piece)
                queue.appendleft(whole[left:])
                piece = whole[:left]
            pieces.append(piece)
            left -= len(piece)
        stream.queued -= size
        stream.window -= size
        self.window -= size
        if self.gathering:
            self._gathered += pieces
        elif not self._closed:
            self._transport.writelines(pieces)
