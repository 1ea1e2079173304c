"""One connection to another server, which carries one exchange at a time."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import Final, cast

from dragoman.engines.upstream.failures import UpstreamError, cut, nonsense
from dragoman.engines.upstream.incoming import BadAnswerError, Incoming

MOST_UNREAD_BYTES: Final = 256 * 1024  # of a stream, after which the server is made to wait
Buffer = bytes | bytearray | memoryview


class Connection(asyncio.Protocol):
    """For the event loop's thread only. What comes and nobody asked for closes it."""

    def __init__(self, name: str) -> None:
        self.idle_since_s = 0.0
        self._name = name
        self._transport: asyncio.Transport | None = None
        self._incoming: Incoming | None = None
        self._in_parts = False
        self._failure: UpstreamError | None = None
        self._changed: asyncio.Future[None] | None = None
        self._paused = False

    @property
    def is_open(self) -> bool:
        """Whether another exchange may begin."""
        return self._transport is not None and not self._transport.is_closing()

    def begin(self, incoming: Incoming, message: Sequence[Buffer], *, in_parts: bool) -> None:
        """Send a request, whose answer goes into `incoming`; `in_parts` = its body is taken as it comes."""
        self._incoming, self._in_parts = incoming, in_parts
        if self._transport is not None:
            self._transport.writelines(message)

    def finish(self) -> None:
        """The exchange is over."""
        self._incoming = None
        self._resume()

    async def until(self, done: Callable[[Incoming], bool]) -> None:
        """Wait until that is so of the answer.

        Errors: UpstreamError.
        """
        incoming = self._incoming
        while incoming is not None and (incoming.refusal or not done(incoming)):
            if self._failure is not None:
                raise self._failure
            self._resume()
            self._changed = asyncio.get_running_loop().create_future()
            await self._changed

    def close(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Something has come."""
        incoming = self._incoming
        if incoming is None:
            self.close()
            return
        try:
            incoming.feed(data)
        except BadAnswerError as error:
            self._fail(nonsense(self._name, str(error)))
            self.close()
            return
        if self._in_parts and len(incoming.body) > MOST_UNREAD_BYTES and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        """The server has closed its side."""
        self._ended()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._transport = None
        self._ended()

    def _ended(self) -> None:
        incoming = self._incoming
        if incoming is not None and incoming.end():
            self._wake()
            return
        self._fail(cut(self._name, answered=incoming is not None and incoming.touched))

    def _fail(self, error: UpstreamError) -> None:
        self._failure = self._failure or error
        self._wake()

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)

    def _resume(self) -> None:
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()


async def connected(
    name: str, place: tuple[int, object] | str, tls: ssl.SSLContext | None, server_name: str | None
) -> Connection:
    """A connection to an address (with its family), or to the Unix socket at a path.

    Errors: OSError.
    """
    loop = asyncio.get_running_loop()
    if isinstance(place, str):
        _, connection = await loop.create_unix_connection(lambda: Connection(name), place)
        return connection
    host, port = cast("tuple[str, int]", place[1])[:2]
    _, connection = await loop.create_connection(
        lambda: Connection(name), host, port, family=place[0], ssl=tls, server_hostname=server_name
    )
    return connection
