"""The link between server and worker, for who may block: the worker, and the server while a model loads."""

import socket
from threading import Lock
from time import monotonic
from typing import Final, TypeVar

import msgspec

from dragoman.execution.workers.frames import FromWorker, Splitter, ToWorker, decode, encode

READ_BYTES: Final = 64 * 1024
T = TypeVar("T")


class Channel:
    """Sends and receives frames. Any thread may send; one receives."""

    def __init__(self, link: socket.socket) -> None:
        self.socket = link
        self.splitter = Splitter()
        self._sending = Lock()

    def send(self, frame: ToWorker | FromWorker) -> None:
        """Send one frame.

        Errors: OSError where the other side is gone.
        """
        data = encode(frame)
        with self._sending:
            self.socket.sendall(data)

    def receive(self, decoder: msgspec.msgpack.Decoder[T], until_s: float | None = None) -> T | None:
        """The next frame, or None where the other side has closed. `until_s` is monotonic time.

        Errors: GarbledError; TimeoutError.
        """
        while (body := self.splitter.take()) is None:
            if until_s is not None:
                self.socket.settimeout(max(until_s - monotonic(), 1e-3))
            try:
                data = self.socket.recv(READ_BYTES)
            except ConnectionError:
                return None
            if not data:
                return None
            self.splitter.feed(data)
        return decode(body, decoder)
