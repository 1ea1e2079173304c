"""What a client sends, cut into frames.

What DATA carries is handed on as it comes, into the message's own memory where that is large; everything else
is short, and handed on whole. Header blocks are put together here: nothing may come between their frames.
"""

from typing import Final, Protocol

from dragoman.transports.grpc.http2.errors import ConnectionFault, ErrorCode, protocol_fault
from dragoman.transports.grpc.http2.frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    FRAME_HEAD,
    HEAD_BYTES,
    HEADERS,
    MOST_WINDOW,
    PADDED,
    PREFACE,
    WITH_PRIORITY,
    WORD,
    check_rule,
)

DIRECT_BYTES: Final = 64 * 1024  # of DATA that is to come: less is not worth a read of its own
MOST_CONTINUATIONS: Final = 64  # of one block, which any client sends in frames of 16 KiB


class Receiver(Protocol):
    """What takes the payload of DATA."""

    def received(self, piece: memoryview, *, ends: bool) -> None:
        """More bytes, to be copied before this returns, and whether they are the last."""

    def space(self) -> memoryview | None:
        """Where the next bytes may be written at once; None = nowhere."""

    def filled(self, count: int, *, ends: bool) -> None:
        """So many were, and whether they are the last."""

    def end(self) -> None:
        """There will be no more."""


class Sink(Protocol):
    """What takes frames."""

    def begin(self) -> None:
        """The client speaks HTTP/2."""

    def headers(self, stream: int, block: bytes, *, ends: bool) -> None:
        """A whole header block."""

    def data(self, stream: int, size: int, *, ends: bool) -> Receiver | None:
        """DATA begins, of so many bytes with its padding; None = nobody reads it."""

    def control(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """Any other known frame."""

    def ignored(self) -> None:
        """A frame that changes nothing."""


class FrameReader:
    """One connection's frames. `most_frame` and `most_block` are what we have told the client.

    Errors: ConnectionFault, after which nothing more can be read.
    """

    __slots__ = (
        "_block", "_continuations", "_ends", "_kept", "_most_block", "_most_frame", "_needed", "_padding",
        "_payload", "_receiver", "_sink", "_stream", "greeted",
    )  # fmt: skip

    def __init__(self, sink: Sink, most_frame: int, most_block: int) -> None:
        self._sink = sink
        self._most_frame = most_frame
        self._most_block = most_block
        self._kept = bytearray()  # the beginning of a frame
        self._needed = len(PREFACE)  # as many bytes as can be read at once
        self.greeted = False
        self._receiver: Receiver | None = None  # of the DATA that is under way
        self._payload = self._padding = 0  # what is left of it
        self._ends = False
        self._stream = 0  # whose header block is under way
        self._block = bytearray()
        self._continuations = 0

    @property
    def in_block(self) -> bool:
        """Whether the rest of a header block is to come."""
        return self._stream != 0

    def space(self) -> memoryview | None:
        """Where the next bytes belong, if that is known."""
        if self._payload >= DIRECT_BYTES and self._receiver is not None:
            room = self._receiver.space()
            return None if room is None else room[: self._payload]
        return None

    def filled(self, count: int) -> None:
        """So many bytes were written there."""
        receiver = self._receiver
        if receiver is not None:
            self._payload -= count
            last = not self._payload and not self._padding
            if last:
                self._receiver = None
            receiver.filled(count, ends=last and self._ends)

    def feed(self, view: memoryview, end: int) -> None:
        """Read what has come."""
        if self._kept:
            kept = self._kept
            kept += view[:end]
            if len(kept) < self._needed:
                return
            self._kept = bytearray()
            view, end = memoryview(kept), len(kept)
        position = 0 if self.greeted else self._greet(view, end)
        while position < end:
            if self._payload or self._padding:
                position = self._go_on(view, position, end)
            elif end - position < HEAD_BYTES:
                position = self._keep(view, position, end, HEAD_BYTES)
            else:
                position = self._frame(view, position, end)

    def _frame(self, view: memoryview, position: int, end: int) -> int:
        """Read a frame of which at least the head is here; where it ends, or how far it was read."""
        high, low, kind, flags, stream = FRAME_HEAD.unpack_from(view, position)
        stream &= MOST_WINDOW
        size: int = high << 8 | low
        start = position + HEAD_BYTES
        stop = start + size
        if size > self._most_frame:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, f"a frame of {size} bytes")
        if self._stream and (kind != CONTINUATION or stream != self._stream):
            raise protocol_fault("a header block that is not finished")
        if kind == DATA:
            if stop <= end and size and stream and not flags & PADDED:
                ends = flags & END_STREAM != 0
                receiver = self._sink.data(stream, size, ends=ends)
                if receiver is not None:
                    receiver.received(view[start:stop], ends=ends)
                return stop
            if flags & PADDED and start == end and size:
                return self._keep(view, position, end, HEAD_BYTES + 1)
            return self._begin_data(view, start, size, flags, stream)
        if kind != HEADERS and not check_rule(kind, stream, size):
            self._sink.ignored()
            self._padding = size
            return start
        if stop > end:
            self._check_block(kind, size)
            return self._keep(view, position, end, HEAD_BYTES + size)
        self._whole(kind, flags, stream, bytes(view[start:stop]))
        return stop

    def _greet(self, view: memoryview, end: int) -> int:
        """Take the preface; where it ends."""
        got = min(end, len(PREFACE))
        if view[:got] != PREFACE[:got]:
            raise protocol_fault("this is no HTTP/2")
        if got < len(PREFACE):
            return self._keep(view, 0, end, len(PREFACE))
        self.greeted = True
        self._sink.begin()
        return got

    def _keep(self, view: memoryview, position: int, end: int, needed: int) -> int:
        self._kept = bytearray(view[position:end])
        self._needed = needed
        return end

    def _whole(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == HEADERS:
            self._begin_block(flags, stream, payload)
        elif kind == CONTINUATION:
            self._continue_block(flags, payload)
        else:
            self._sink.control(kind, flags, stream, payload)

    # Header blocks

    def _begin_block(self, flags: int, stream: int, payload: bytes) -> None:
        if not stream:
            check_rule(HEADERS, stream, len(payload))
        if flags & (PADDED | WITH_PRIORITY):
            payload = without_extras(flags, stream, payload)
        if flags & END_HEADERS:
            self._sink.headers(stream, payload, ends=bool(flags & END_STREAM))
            return
        self._stream = stream
        self._ends = bool(flags & END_STREAM)
        self._continuations = 0
        self._block = bytearray(payload)
        self._check_block(HEADERS, 0)

    def _continue_block(self, flags: int, payload: bytes) -> None:
        if not self._stream:
            raise protocol_fault("CONTINUATION of nothing")
        self._continuations += 1
        self._check_block(CONTINUATION, len(payload))
        self._block += payload
        if flags & END_HEADERS:
            stream, self._stream = self._stream, 0
            block, self._block = bytes(self._block), bytearray()
            self._sink.headers(stream, block, ends=self._ends)

    def _check_block(self, kind: int, size: int) -> None:
        if kind not in (HEADERS, CONTINUATION):
            return
        if len(self._block) + size > self._most_block or self._continuations > MOST_CONTINUATIONS:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "a header block that is too long")

    # DATA

    def _begin_data(self, view: memoryview, start: int, size: int, flags: int, stream: int) -> int:
        """Begin with a payload that is padded, empty or not all there; where it begins."""
        self._ends = bool(flags & END_STREAM)
        check_rule(DATA, stream, size)
        if flags & PADDED and not size:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "padding without its length")
        self._receiver = self._sink.data(stream, size, ends=self._ends)
        self._payload = size
        if flags & PADDED:
            self._padding = view[start]
            self._payload = size - 1 - self._padding
            start += 1
            if self._payload < 0:
                raise protocol_fault("padding that is longer than its frame")
        if not self._payload and not self._padding:
            self._end_data()
        return start

    def _go_on(self, view: memoryview, position: int, end: int) -> int:
        """Take more of a payload and its padding; where that ends."""
        receiver = self._receiver
        if self._payload:
            stop = min(end, position + self._payload)
            self._payload -= stop - position
            last = not self._payload and not self._padding
            if last:
                self._receiver = None
            if receiver is not None:
                receiver.received(view[position:stop], ends=last and self._ends)
            return stop
        stop = min(end, position + self._padding)
        self._padding -= stop - position
        if not self._padding:
            self._end_data()
        return stop

    def _end_data(self) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None and self._ends:
            receiver.end()


def without_extras(flags: int, stream: int, payload: bytes) -> bytes:
    """The header block of a frame, without padding and priority."""
    start, stop = 0, len(payload)
    if flags & PADDED:
        start = 1
        stop -= payload[0] if payload else 1
    if flags & WITH_PRIORITY:
        start += 5
    if start > stop:
        raise protocol_fault("padding or priority that is longer than its frame")
    if flags & WITH_PRIORITY and WORD.unpack_from(payload, start - 5)[0] & MOST_WINDOW == stream:
        raise protocol_fault(f"stream {stream} depends on itself")
    return payload[start:stop]
