"""What the frames do that are neither a call's beginning nor its data."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from dragoman.transports.grpc.http2.errors import ConnectionFault, ErrorCode, protocol_fault
from dragoman.transports.grpc.http2.frames import (
    ACK,
    GOAWAY,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    MOST_WINDOW,
    PING,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    SETTINGS_ACK,
    WINDOW_UPDATE,
    WORD,
    frame,
    reset,
)
from dragoman.transports.grpc.http2.outgoing import Outgoing
from dragoman.transports.grpc.http2.settings import read_settings
from dragoman.transports.grpc.http2.stream import Stream


class Controlled(Protocol):
    """The session, as these frames see it."""

    out: Outgoing
    streams: dict[int, Stream]
    settled: bool
    initial_window: int

    def is_idle(self, stream: int) -> bool:
        """Whether no such stream has begun."""

    def acknowledge(self, reply: bytes) -> None:
        """Answer a frame of the connection itself."""

    def reset(self, stream: Stream, code: ErrorCode) -> None:
        """End a stream that has gone wrong."""

    def remove(self, stream: Stream) -> None:
        """It is over."""

    def count_reset(self) -> None:
        """A call was begun in vain."""

    def drained(self) -> None:
        """The client begins nothing more."""


Take = Callable[[Controlled, int, int, bytes], None]


def take_settings(session: Controlled, flags: int, stream: int, payload: bytes) -> None:
    """Do as the client wishes, and say so."""
    del stream
    if flags & ACK:
        if payload:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "an acknowledgement of SETTINGS with values")
        return
    session.settled = True
    values = read_settings(payload)
    out = session.out
    out.most_frame = values.get(MAX_FRAME_SIZE, out.most_frame)
    if INITIAL_WINDOW_SIZE in values:
        widen_all(session, values[INITIAL_WINDOW_SIZE])
    session.acknowledge(SETTINGS_ACK)


def widen_all(session: Controlled, initial: int) -> None:
    """Every stream's window changes with the initial one, and may become negative."""
    more = initial - session.initial_window
    session.initial_window = initial
    for stream in list(session.streams.values()):
        stream.window += more
        if stream.window > MOST_WINDOW:
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "a window that is too wide")
        if more > 0 and stream.queued:
            session.out.send(stream)


def take_window_update(session: Controlled, flags: int, stream: int, payload: bytes) -> None:
    """Send more."""
    del flags
    more = WORD.unpack(payload)[0] & MOST_WINDOW
    if not stream:
        if not more:
            raise protocol_fault("WINDOW_UPDATE of 0")
        session.out.window += more
        if session.out.window > MOST_WINDOW:
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "a window that is too wide")
        session.out.resume()
        return
    found = session.streams.get(stream)
    if found is None:
        check_begun(session, stream, "WINDOW_UPDATE")
    elif not more:
        session.reset(found, ErrorCode.PROTOCOL_ERROR)
    else:
        found.window += more
        if found.window > MOST_WINDOW:
            session.reset(found, ErrorCode.FLOW_CONTROL_ERROR)
        elif found.queued:
            session.out.send(found)


def take_reset(session: Controlled, flags: int, stream: int, payload: bytes) -> None:
    """The client does not want the call any more."""
    del flags, payload
    check_begun(session, stream, "RST_STREAM")
    found = session.streams.get(stream)
    if found is not None:
        session.remove(found)
        found.gone()
        session.count_reset()


def take_ping(session: Controlled, flags: int, stream: int, payload: bytes) -> None:
    """Answer, or hear that the client knows of the drain."""
    del stream
    if flags & ACK:
        session.drained()
    else:
        session.acknowledge(frame(PING, ACK, 0, payload))


def take_priority(session: Controlled, flags: int, stream: int, payload: bytes) -> None:
    """Nothing: all calls are alike."""
    del flags
    if WORD.unpack_from(payload)[0] & MOST_WINDOW == stream:
        found = session.streams.get(stream)
        if found is not None:
            session.reset(found, ErrorCode.PROTOCOL_ERROR)
        else:
            session.out.write(reset(stream, ErrorCode.PROTOCOL_ERROR))
            session.count_reset()


def take_goaway(session: Controlled, flags: int, stream: int, payload: bytes) -> None:
    """Nothing: the client will hang up when it has its answers."""
    del session, flags, stream, payload


def check_begun(session: Controlled, stream: int, what: str) -> None:
    """Refuse what comes before its stream.

    Errors: ConnectionFault.
    """
    if session.is_idle(stream):
        raise protocol_fault(f"{what} on stream {stream}, which has not begun")


CONTROL: Final[Mapping[int, Take]] = {
    PRIORITY: take_priority,
    RST_STREAM: take_reset,
    SETTINGS: take_settings,
    PING: take_ping,
    GOAWAY: take_goaway,
    WINDOW_UPDATE: take_window_update,
}
