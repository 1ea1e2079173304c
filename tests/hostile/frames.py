"""HTTP/2 as bytes, for calls that no gRPC library makes."""

import socket
import struct
from collections.abc import Mapping
from typing import Final

from tests.server_process import Address

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS = 0, 1, 3, 4
END_STREAM, END_HEADERS = 1, 4
CANCEL: Final = 8
HEAD: Final = {
    ":method": "POST",
    ":scheme": "http",
    ":authority": "localhost",
    "content-type": "application/grpc",
    "te": "trailers",
}


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def head(method: str, more: Mapping[str, str] | None = None) -> bytes:
    """The headers of a call of `package.Service/Method`, uncompressed."""
    lines = {":path": f"/{method}", **HEAD, **(more or {})}
    fields = [(name.encode(), value.encode()) for name, value in lines.items()]
    block = b"".join(b"\0%c%b%c%b" % (len(name), name, len(value), value) for name, value in fields)
    return frame(HEADERS, END_HEADERS, 1, block)


def message(size: int, data: bytes = b"abc", *, compressed: bool = False) -> bytes:
    """A gRPC message that says it has that size."""
    return struct.pack(">BI", compressed, size) + data


def reset() -> bytes:
    """The client does not want the call any more."""
    return frame(RESET, 0, 1, struct.pack(">I", CANCEL))


def opened(
    address: Address, method: str, data: bytes, more: Mapping[str, str] | None = None
) -> socket.socket:
    """A connection with one call on it."""
    connection = socket.create_connection(address, timeout=20)
    connection.sendall(PREFACE + frame(SETTINGS, 0, 0, b"") + head(method, more) + data)
    return connection


def received(connection: socket.socket, *ends: bytes) -> bytes:
    """What comes back up to one of these, from there on; empty if the connection ends without."""
    found = b""
    while True:
        for end in ends:
            if end in found:
                return found[found.index(end) :]
        part = connection.recv(65536)
        if not part:
            return b""
        found += part


def trailers(connection: socket.socket) -> bytes:
    """What comes back, from the status on; empty if the connection ends without one."""
    return received(connection, b"grpc-status")
