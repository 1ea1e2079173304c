"""One stream, as its session sees it."""

from collections import deque
from typing import Final

from dragoman.transports.grpc.http2.outgoing import Piece

WINDOW: Final = 1024 * 1024  # what a client may send of a call before any of it is taken


class Stream:
    """What it may send and receive, and how far it is. `queue` has what waits to leave, `queued` its size."""

    __slots__ = ("closed", "id", "queue", "queued", "quota", "remote_ended", "seen", "since", "window")

    def __init__(self, number: int, window: int) -> None:
        self.id = number
        self.window = window  # how much more the client takes
        self.quota = WINDOW  # how much more it may send
        self.queue: deque[Piece] = deque()
        self.queued = 0
        self.seen = 0  # how much was queued when that was last looked at, and since when it was
        self.since = 0.0
        self.remote_ended = False
        self.closed = False

    def begin(self, *, ends: bool) -> None:
        """Begin; `ends` = the client sends nothing more."""
        raise NotImplementedError

    def wait(self) -> None:
        """What has come is read, and did not end it."""
        raise NotImplementedError

    def received(self, piece: memoryview, *, ends: bool) -> None:
        """The client has sent this."""
        raise NotImplementedError

    def space(self) -> memoryview | None:
        """Where what it sends next may be written."""
        raise NotImplementedError

    def filled(self, count: int, *, ends: bool) -> None:
        """So many bytes were written there."""
        raise NotImplementedError

    def end(self) -> None:
        """The client sends nothing more."""
        raise NotImplementedError

    def sent(self) -> None:
        """What was queued has left."""
        raise NotImplementedError

    def gone(self) -> None:
        """The client, or the connection, is gone: stop."""
        raise NotImplementedError

    def shut(self) -> None:
        """The server stops: tell the client, and stop."""
        raise NotImplementedError
