"""Plays a row of the table against a server, and reads what comes back."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from tests.hostile.table import Act, Pause, Row

RECEIVE_BYTES = 65536
Pass = Callable[[float], Awaitable[None]]


class Outcome(NamedTuple):
    """What came of a row: the statuses in order, and whether the server left the connection open."""

    statuses: tuple[int, ...]
    stays_open: bool


class Client:
    """A connection, and all that came over it."""

    def __init__(self) -> None:
        self.socket = socket.socket()
        self.received = bytearray()
        self.ended = asyncio.Event()
        self.arrived = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None

    async def connect(self, port: int, *, receive_buffer: int | None = None) -> None:
        """Connect; a small receive buffer makes a reader that stops felt sooner."""
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.setblocking(False)
        await asyncio.get_running_loop().sock_connect(self.socket, ("127.0.0.1", port))

    def read(self) -> None:
        """Read from now on, to the end."""
        self._reader = asyncio.create_task(self._read())

    async def send(self, data: bytes) -> None:
        """Send; a server that has hung up is no error here."""
        with contextlib.suppress(ConnectionError):
            await asyncio.get_running_loop().sock_sendall(self.socket, data)

    def end(self) -> None:
        """Shut the writing side."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    async def close(self) -> None:
        """Be done."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        self.socket.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what has come over the connection makes it so, or nothing more will come."""
        while not condition() and not self.ended.is_set():
            self.arrived.clear()
            await self.arrived.wait()

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            while data := await loop.sock_recv(self.socket, RECEIVE_BYTES):
                self.received += data
                self.arrived.set()
        self.ended.set()
        self.arrived.set()


async def play(row: Row, client: Client, pass_time: Pass) -> None:
    """Do what the row's script says."""
    reading = Act.READ_NOTHING not in row.script
    if reading:
        client.read()
    for step in row.script:
        if isinstance(step, bytes):
            await client.send(step)
        elif isinstance(step, Pause):
            await pass_time(step.seconds)
        elif step is Act.END:
            client.end()
    if not reading:
        client.read()


def statuses(received: bytes, *, head_first: bool = False) -> tuple[int, ...]:
    """The statuses of the answers that are there as a whole. `head_first`: the first has no body."""
    found = []
    while (split := received.find(b"\r\n\r\n")) >= 0:
        lines = received[:split].split(b"\r\n")
        fields = {
            name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])
        }
        status = int(lines[0].split()[1])
        received = received[split + 4 :]
        if status >= 200 and not (head_first and not found):
            size = body_size(received, fields)
            if size > len(received):
                break
            received = received[size:]
        found.append(status)
    return tuple(found)


def body_size(received: bytes, fields: dict[bytes, bytes]) -> int:
    """How long a body is, with its framing."""
    if b"content-length" in fields:
        return int(fields[b"content-length"])
    if fields.get(b"transfer-encoding") == b"chunked":
        end = received.find(b"0\r\n\r\n")
        return end + 5 if end >= 0 else len(received) + 1
    return len(received)
