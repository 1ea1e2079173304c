"""The streams of one connection: which there are, what they may receive, how they end."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from dragoman.transports.grpc.http2.allowance import IDLE_FRAMES, RESETS, RESETS_PER_S, Allowance
from dragoman.transports.grpc.http2.control import CONTROL
from dragoman.transports.grpc.http2.errors import ConnectionFault, ErrorCode, protocol_fault
from dragoman.transports.grpc.http2.frames import (
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
    MOST_WINDOW,
    PING,
    SETTINGS,
    USUAL_WINDOW,
    frame,
    goaway,
    reset,
    settings,
    window_update,
)
from dragoman.transports.grpc.http2.heads import HeadReader
from dragoman.transports.grpc.http2.outgoing import Outgoing
from dragoman.transports.grpc.http2.stream import WINDOW, Stream

STREAMS: Final = 1000  # at a time
FRAME_BYTES: Final = 1024 * 1024  # that a client may send in one; fewer frames are less work
CONNECTION_WINDOW: Final = 16 * 1024 * 1024  # of all streams together, each of which has its own
REMEMBERED: Final = 1000  # streams that ended here first, of which more may still come
MOST_OWED: Final = 1000  # answers to PING and SETTINGS that wait to be read
DRAIN_PING: Final = b"draining"

H = TypeVar("H")
Open = Callable[["Session[H]", int, H], Stream]


class Owner(Protocol):
    """The connection."""

    def ended(self) -> None:
        """There is nothing more to do on it."""

    def slow(self) -> None:
        """Something waits, which may take too long."""

    def abort(self) -> None:
        """Hang up at once."""


class Session(Generic[H]):
    """Takes frames, in the order of the connection. `open` makes a stream of what a header block says."""

    def __init__(
        self,
        owner: Owner,
        out: Outgoing,
        heads: HeadReader[H],
        open_stream: Open[H],
        clock: Callable[[], float],
    ) -> None:
        self.owner = owner
        self.out = out
        self._heads = heads
        self._open = open_stream
        self._clock = clock
        self._resets = Allowance(RESETS, RESETS_PER_S, clock())
        self._idle_frames = 0
        self._owed = 0
        self.streams: dict[int, Stream] = {}
        self.last = 0  # the newest stream's number
        self._begun = False
        self.settled = False  # the client's first SETTINGS are here
        self.initial_window = USUAL_WINDOW
        self._quota = CONNECTION_WINDOW
        self._left: OrderedDict[int, None] = OrderedDict()  # ended here, and not yet there
        self._to_reset: list[int] = []
        self.timed: list[Stream] = []  # that have begun with what has come, and have a deadline
        self.draining = False
        self._closing = False  # no stream is taken any more

    def begin(self) -> None:
        """Say what the client may do, once, and not before it has shown that it speaks HTTP/2."""
        if self._begun:
            return
        self._begun = True
        values = {
            MAX_CONCURRENT_STREAMS: STREAMS,
            INITIAL_WINDOW_SIZE: WINDOW,
            MAX_FRAME_SIZE: FRAME_BYTES,
            MAX_HEADER_LIST_SIZE: self._heads.most,
        }
        self.out.write(settings(values) + window_update(0, CONNECTION_WINDOW - USUAL_WINDOW))

    # Frames

    def headers(self, stream: int, block: bytes, *, ends: bool) -> None:
        """A stream begins, or its trailers end what the client sends of it."""
        head = self._heads.read(block)
        if not self.settled:
            raise protocol_fault("the first frame is no SETTINGS")
        known = self.streams.get(stream)
        if known is not None:
            self._trailers(known, ends=ends)
        elif stream > self.last and stream & 1:
            self.last = stream
            self._idle_frames = 0
            if self._closing:
                return
            if len(self.streams) >= STREAMS:
                self.out.write(reset(stream, ErrorCode.REFUSED_STREAM))
                self._leave(stream)
                return
            self.streams[stream] = opened = self._open(self, stream, head)
            opened.begin(ends=ends)
        elif stream not in self._left:
            code = ErrorCode.STREAM_CLOSED if stream & 1 else ErrorCode.PROTOCOL_ERROR
            raise ConnectionFault(code, f"HEADERS on stream {stream}, the newest being {self.last}")
        elif ends:
            del self._left[stream]

    def data(self, stream: int, size: int, *, ends: bool) -> Stream | None:
        """Count what comes; the stream that takes it."""
        self._quota -= size
        if self._quota < CONNECTION_WINDOW // 2:
            if self._quota < 0:
                raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the window allows")
            self.out.write(window_update(0, CONNECTION_WINDOW - self._quota))
            self._quota = CONNECTION_WINDOW
        if size:
            self._idle_frames = 0
        else:
            self.ignored()
        found = self.streams.get(stream)
        if found is None:
            self._late(stream, ends=ends)
        elif found.remote_ended:
            self.reset(found, ErrorCode.STREAM_CLOSED)
        else:
            found.quota -= size
            if found.quota >= 0:
                return found
            self.reset(found, ErrorCode.FLOW_CONTROL_ERROR)
        return None

    def control(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """Any other frame."""
        if not self.settled and kind != SETTINGS:
            raise protocol_fault("the first frame is no SETTINGS")
        self.ignored()
        CONTROL[kind](self, flags, stream, payload)

    def ignored(self) -> None:
        """Count a frame that is no work of ours."""
        self._idle_frames += 1
        if self._idle_frames > IDLE_FRAMES:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "too many frames that carry nothing")

    def _trailers(self, stream: Stream, *, ends: bool) -> None:
        if stream.remote_ended:
            self.reset(stream, ErrorCode.STREAM_CLOSED)
        elif not ends:
            self.reset(stream, ErrorCode.PROTOCOL_ERROR)
        else:
            stream.end()

    def _late(self, stream: int, *, ends: bool) -> None:
        """DATA of a stream that is not here."""
        if self.is_idle(stream):
            raise protocol_fault(f"DATA on stream {stream}, which has not begun")
        if stream not in self._left:
            self.out.write(reset(stream, ErrorCode.STREAM_CLOSED))
            self.count_reset()
        elif ends:
            del self._left[stream]

    # Streams

    def is_idle(self, stream: int) -> bool:
        """Whether no such stream has begun."""
        return stream > self.last or not stream & 1

    def count_reset(self) -> None:
        """A call was begun in vain."""
        if not self._resets.take(self._clock()):
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "too many streams that were reset")

    def reset(self, stream: Stream, code: ErrorCode) -> None:
        """End a stream whose client does not keep to the rules.

        Errors: ConnectionFault for one that does so too often.
        """
        self.give_up(stream, code)
        self.count_reset()

    def give_up(self, stream: Stream, code: ErrorCode) -> None:
        """End a stream before its end."""
        self.out.write(reset(stream.id, code))
        self.remove(stream)
        if not stream.remote_ended:
            self._leave(stream.id)
        stream.gone()

    def grant(self, stream: int, size: int) -> None:
        """Let the client send so much more of it."""
        self.out.write(window_update(stream, size))

    def close(self, stream: Stream) -> None:
        """Its last frame is written. Where the client still sends, it is told to stop."""
        if not stream.remote_ended:
            self._leave(stream.id)
            if self.out.gathering:
                self._to_reset.append(stream.id)  # unless the end of what it sends is among what has come
            else:
                self.out.write(reset(stream.id, ErrorCode.NO_ERROR))
        self.remove(stream)

    def remove(self, stream: Stream) -> None:
        """It is over."""
        stream.closed = True
        if stream.queued:
            self.out.drop(stream)
        if self.streams.pop(stream.id, None) is not None and not self.streams and self._closing:
            self.owner.ended()

    def flush(self) -> None:
        """The frames that have come are read: write what they led to."""
        if self._to_reset:
            for number in self._to_reset:
                if number in self._left:
                    self.out.write(reset(number, ErrorCode.NO_ERROR))
            self._to_reset.clear()
        if self.timed:
            for stream in self.timed:
                if not stream.closed:
                    stream.wait()
            self.timed.clear()
        self.out.flush()

    def abort(self) -> None:
        """Hang up at once."""
        self.owner.abort()

    def _leave(self, stream: int) -> None:
        self._left[stream] = None
        if len(self._left) > REMEMBERED:
            self._left.popitem(last=False)

    def acknowledge(self, reply: bytes) -> None:
        """Answer a frame of the connection itself, unless the client reads none of the answers."""
        if self.out.stalled:
            self._owed += 1
            if self._owed > MOST_OWED:
                raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "answers that nobody reads")
        else:
            self._owed = 0
        self.out.write(reply)

    # The end

    def drain(self) -> None:
        """Ask the client to begin nothing more. What is on its way meanwhile is still answered."""
        self.draining = True
        self.out.write(goaway(MOST_WINDOW, ErrorCode.NO_ERROR) + frame(PING, 0, 0, DRAIN_PING))

    def drained(self) -> None:
        """The client begins nothing more."""
        if self.draining and not self._closing:
            self._closing = True
            self.out.write(goaway(self.last, ErrorCode.NO_ERROR))
            if not self.streams:
                self.owner.ended()

    def lost(self) -> None:
        """The client is gone."""
        streams = list(self.streams.values())
        self.streams.clear()
        for stream in streams:
            stream.closed = True
            stream.gone()
