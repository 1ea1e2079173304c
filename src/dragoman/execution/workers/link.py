"""A worker's socket on the event loop: frames out without waiting, frames in as they come."""

import asyncio
from collections.abc import Callable
from typing import Final

from dragoman.execution.workers.channel import Channel
from dragoman.execution.workers.frames import FROM_WORKER, FromWorker, GarbledError, decode

READ_BYTES: Final = 64 * 1024


class Link:
    """Takes a channel over from whoever loaded the model. `lost` is called once, with the reason.

    What has not been sent yet is kept; it is bounded, because a worker is asked one thing per slot at a time.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        channel: Channel,
        receive: Callable[[FromWorker], None],
        lost: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._socket = channel.socket
        self._splitter = channel.splitter
        self._receive = receive
        self._lost = lost
        self._unsent = bytearray()
        self._open = True
        self._socket.setblocking(False)
        loop.add_reader(self._socket, self.read)
        loop.call_soon(self._take)  # what came behind the last frame that was read while blocking

    def send(self, data: bytes) -> None:
        """Send an encoded frame, now or as soon as the worker reads."""
        if not self._open:
            return
        if not self._unsent:
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._lose("the connection broke")
                return
            if sent == len(data):
                return
            data = data[sent:]
            self._loop.add_writer(self._socket, self._write)
        self._unsent += data

    def read(self) -> None:
        """Take in what has come."""
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._splitter.feed(data)
            self._take()
        else:
            self._lose("it ended")

    def close(self) -> None:
        """Leave the event loop; the socket stays open."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)

    def _take(self) -> None:
        try:
            while self._open and (body := self._splitter.take()) is not None:
                self._receive(decode(body, FROM_WORKER))
        except GarbledError as error:
            self._lose(f"it sent {error}")

    def _write(self) -> None:
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self._lose("the connection broke")
            return
        del self._unsent[:sent]
        if not self._unsent:
            self._loop.remove_writer(self._socket)

    def _lose(self, reason: str) -> None:
        if self._open:
            self.close()
            self._lost(reason)
