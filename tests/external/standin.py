"""A server that answers as a test wants it to, on a real socket."""

import asyncio
import json
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple


class Asked(NamedTuple):
    """One request that came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


Reply = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


class StandIn:
    """Answers its requests by `replies`, one after the other; the last of them answers all further ones."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        self.gone = asyncio.Event()  # a peer has closed its connection
        self.left = threading.Event()  # one has done so while it was being answered
        self.port = 0
        self._replies = replies

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while (asked := await read_request(reader)) is not None:
                reply = self._replies[min(len(self.asked), len(self._replies) - 1)]
                self.asked.append(asked)
                watch = asyncio.ensure_future(self._watch(reader))
                try:
                    await reply(asked, writer)
                    await writer.drain()
                finally:
                    watch.cancel()
                    await asyncio.gather(watch, return_exceptions=True)
                if writer.is_closing():
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.gone.set()
            writer.close()

    async def _watch(self, reader: asyncio.StreamReader) -> None:
        """See a peer go that closes while it is being answered."""
        while not reader.at_eof():
            turn = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(0.005, turn.set_result, None)
            await turn
        self.gone.set()
        self.left.set()


@asynccontextmanager
async def standing_in(
    *replies: Reply, path: str | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[StandIn]:
    """A server on a free port of this machine, or on a Unix socket."""
    stand_in = StandIn(replies)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await stand_in.serve(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            tasks.discard(task)

    if path is None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        stand_in.port = server.sockets[0].getsockname()[1]
    else:
        server = await asyncio.start_unix_server(serve, path)
    try:
        yield stand_in
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def read_request(reader: asyncio.StreamReader) -> Asked | None:
    """The next request; None where the peer has gone."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(method, path, headers, body)


def says(status: int, document: object, headers: Mapping[str, str] | None = None) -> Reply:
    """A whole answer of JSON."""
    return sends(
        status, json.dumps(document).encode(), {"content-type": "application/json", **(headers or {})}
    )


def sends(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Reply:
    """A whole answer."""

    async def reply(_: Asked, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return reply


def raw(data: bytes, *, closes: bool = True) -> Reply:
    """These bytes, and then the end of the connection."""

    async def reply(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if closes:
            writer.close()

    return reply


def chunk(data: bytes) -> bytes:
    """One chunk of a body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def events(*documents: object, end: bytes = chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n") -> Reply:
    """A stream of events, each in a chunk of its own."""
    parts = [chunk(b"data: " + json.dumps(document).encode() + b"\n\n") for document in documents]
    return raw(STREAM + b"".join(parts) + end, closes=False)


def hangs(first: bytes = b"") -> Reply:
    """These bytes and then nothing more, until the test is over."""

    async def reply(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        await writer.drain()
        await asyncio.get_running_loop().create_future()

    return reply


def never_ends(first: bytes, again: bytes) -> Reply:
    """Bytes, and others again and again until the peer has had enough of it."""

    async def reply(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while not writer.is_closing():
            writer.write(again)
            await writer.drain()

    return reply
