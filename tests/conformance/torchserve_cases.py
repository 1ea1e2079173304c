"""Cases of TorchServe: what they say besides the other cases over HTTP, and what must come back.

A server has several addresses, which are called ports; a case may ask for other things before, meanwhile and
after. An answer is looked at byte by byte, so that the chunks of a stream can be told apart.
"""

import base64
import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final, Literal, NamedTuple

from msgspec import UNSET, Struct, UnsetType, field
from msgspec.structs import replace

from tests.conformance.cases import Facts
from tests.conformance.compare import value_differences
from tests.conformance.exchange import ANSWER_S
from tests.server_process import Address, Addresses

JSON: Final = "application/json"
BOUNDARY: Final = "a-boundary-of-the-cases"
ERROR_KEYS: Final = {"code", "type", "message"}
Port = Literal["inference", "management", "metrics"]


PORTS: Final[Sequence[Port]] = ("inference", "management", "metrics")


class UnreachableError(Exception):
    """The server has no such port, or gives no whole answer."""


class Part(Struct, forbid_unknown_fields=True):
    """One part of a form; only a file's type is told."""

    name: str
    value: str
    filename: str | None = None
    content_type: str | None = None

    def written(self) -> bytes:
        """The part as it is sent."""
        file = "" if self.filename is None else f'; filename="{self.filename}"'
        kind = "" if self.content_type is None else f"Content-Type: {self.content_type}\r\n"
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{self.name}"{file}\r\n{kind}\r\n'
        return f"{head}{self.value}\r\n".encode()


class Asked(Struct, forbid_unknown_fields=True, kw_only=True):
    """One request. `body` is sent as JSON by its type, unless `no_content_type`."""

    method: str
    port: Port = "inference"
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    body_b64: str | None = None
    body_chunks: list[str] = field(default_factory=list)  # sent in these parts, chunked
    multipart: list[Part] = field(default_factory=list)
    no_content_type: bool = False
    status: int | None = None  # that it must be answered with, where it is not the case's own request

    def request(self, host: str) -> bytes:
        """The request's bytes."""
        body, kind = self.payload()
        headers = {"Host": host, "Connection": "close"}
        if kind is not None and not self.no_content_type:
            headers["Content-Type"] = kind
        if self.body_chunks:
            headers["Transfer-Encoding"] = "chunked"
        elif kind is not None:
            headers["Content-Length"] = str(len(body))
        lines = [f"{name}: {value}" for name, value in (headers | self.headers).items()]
        return "\r\n".join([f"{self.method} {self.path} HTTP/1.1", *lines, "", ""]).encode() + body

    def payload(self) -> tuple[bytes, str | None]:
        """The body's bytes and its type; None = there is no body."""
        if self.multipart:
            parts = b"".join(part.written() for part in self.multipart)
            return parts + f"--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}"
        if self.body_chunks:
            chunks = [f"{len(part.encode()):x}\r\n{part}\r\n" for part in self.body_chunks]
            return "".join([*chunks, "0\r\n\r\n"]).encode(), JSON
        if self.body_b64 is not None:
            return base64.b64decode(self.body_b64, validate=True), JSON
        return (b"", None) if self.body is None else (self.body.encode(), JSON)


class Expected(Struct, forbid_unknown_fields=True):
    """What an answer must be like. Every key that is given must hold."""

    status: int
    reason: str | None = None
    json: Any = UNSET  # the whole body
    json_subset: Any = UNSET  # every key is there and equal, recursively; a list may go on
    body: str | None = None  # exactly
    body_b64: str | None = None
    body_contains: list[str] = field(default_factory=list)
    body_lacks: list[str] = field(default_factory=list)
    chunks: list[str] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    headers_present: list[str] = field(default_factory=list)
    headers_absent: list[str] = field(default_factory=list)
    error_type: str | None = None

    def lenient(self) -> "Expected":
        """The same: these cases run on TorchServe's own listener."""
        return self


class TorchServeCase(Facts, kw_only=True):
    """One request, which is told as those of `setup` are, and what is right."""

    method: str
    port: Port
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    body_b64: str | None = None
    body_chunks: list[str] = field(default_factory=list)
    multipart: list[Part] = field(default_factory=list)
    no_content_type: bool = False
    expect: Expected
    setup: list[Asked] = field(default_factory=list)
    background: list[Asked] = field(default_factory=list)  # under way while the request is answered
    teardown: list[str] = field(default_factory=list)  # models to unregister afterwards
    config: Literal["baseline", "token"] = "baseline"
    mutates: bool = False
    not_keys: list[str] = field(
        default_factory=list
    )  # of `types` in the body, which tells what a handler got
    note: str = ""

    def runs_on(self, listener: str) -> bool:
        """Whether it is of that listener's profile."""
        return super().runs_on(listener) and (self.config == "token") == listener.endswith("-tokens")

    @property
    def accepted(self) -> list[Expected]:
        """The expectation, of which there is one."""
        return [self.expect]

    @property
    def asked(self) -> Asked:
        """The request."""
        return Asked(**{name: getattr(self, name) for name in Asked.__struct_fields__ if name != "status"})


class TorchServeAnswer(NamedTuple):
    """What came back; header names in lower case; `chunks` None = it was not chunked."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    chunks: list[bytes] | None


def send(addresses: Addresses, case: TorchServeCase) -> TorchServeAnswer:
    """The answer to a case's request, with all that belongs around it.

    Errors: UnreachableError.
    """
    keys = keys_of(addresses) if case.config == "token" else {}
    for asked in case.setup:
        found = exchange(address_of(addresses, asked), asked)
        if asked.status is not None and found.status != asked.status:
            raise UnreachableError(f"{asked.method} {asked.path} before it was answered with {found.status}")
    try:
        with ExitStack() as stack:
            for asked in case.background:
                stack.enter_context(under_way(addresses, asked))
            return exchange(address_of(addresses, case.asked), with_keys(case.asked, keys))
    finally:
        for model in case.teardown:
            asked = Asked(method="DELETE", port="management", path=f"/models/{model}")
            exchange(address_of(addresses, asked), asked)


def keys_of(addresses: Addresses) -> Mapping[str, str]:
    """The server's keys by the names that cases have for them.

    Errors: UnreachableError where it has handed none out.
    """
    if addresses.folder is None:
        raise UnreachableError("the server has no keys")
    told = json.loads((addresses.folder / "key_file.json").read_text(encoding="utf-8"))
    return {f"{use.lower()}_key": entry["key"] for use, entry in told.items()}


def with_keys(asked: Asked, keys: Mapping[str, str]) -> Asked:
    """The request with keys in the places of their names."""
    return replace(asked, headers={name: value.format(**keys) for name, value in asked.headers.items()})


def under_way(addresses: Addresses, asked: Asked) -> ExitStack:
    """A request that has been taken, whose answer is waited for on leaving."""
    address = address_of(addresses, asked)
    stack = ExitStack()
    connection = stack.enter_context(socket.create_connection(address, timeout=ANSWER_S))
    connection.sendall(asked.request(f"{address.host}:{address.port}"))
    reader = threading.Thread(target=read_answer, args=(connection,))
    reader.start()
    stack.callback(reader.join)
    # A round trip that begins after the request was sent ends after it was taken.
    exchange(address, Asked(method="GET", path="/ping"))
    return stack


def address_of(addresses: Addresses, asked: Asked) -> Address:
    """Where the request goes.

    Errors: UnreachableError.
    """
    place = PORTS.index(asked.port)
    found = (addresses.http, *addresses.others)
    if place >= len(found):
        raise UnreachableError(f"the server has no {asked.port} address")
    return found[place]


def exchange(address: Address, asked: Asked) -> TorchServeAnswer:
    """One request over a connection of its own, and its answer.

    Errors: UnreachableError.
    """
    try:
        with socket.create_connection(address, timeout=ANSWER_S) as connection:
            connection.sendall(asked.request(f"{address.host}:{address.port}"))
            return parsed(read_answer(connection))
    except (OSError, ValueError) as error:
        raise UnreachableError(f"no whole answer: {error!r}") from error


def read_answer(connection: socket.socket) -> bytes:
    """All that comes until the answer is whole or the server hangs up; TorchServe does not when asked to."""
    found = b""
    while not is_whole(found) and (data := connection.recv(1 << 16)):
        found += data
    return found


def is_whole(data: bytes) -> bool:
    """Whether these are all bytes of an answer."""
    head, found, body = data.partition(b"\r\n\r\n")
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        return body.endswith(b"\r\n0\r\n\r\n") or body == b"0\r\n\r\n"
    length = re.search(rb"content-length: (\d+)", lower)
    return bool(found) and length is not None and len(body) >= int(length[1])


def parsed(data: bytes) -> TorchServeAnswer:
    """An answer from its bytes.

    Errors: ValueError where they are not one whole answer.
    """
    head, found, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, status_line = first.partition(" ")
    status, _, reason = status_line.partition(" ")
    if not found or version != "HTTP/1.1":
        raise ValueError(f"no HTTP: {data[:64]!r}")
    pairs = [line.split(": ", 1) for line in lines]
    headers = {name.lower(): value for name, value in pairs}
    if len(headers) < len(pairs):
        raise ValueError(f"a header is there twice: {lines}")
    if headers.get("transfer-encoding") != "chunked":
        if int(headers.get("content-length", "0")) != len(rest):
            raise ValueError("the body is not as long as it says")
        return TorchServeAnswer(int(status), reason, headers, rest, None)
    chunks = list(unchunked(rest))
    return TorchServeAnswer(int(status), reason, headers, b"".join(chunks), chunks)


def unchunked(data: bytes) -> Iterator[bytes]:
    """The chunks of a body, without the last one, which is empty.

    Errors: ValueError where that is missing.
    """
    while True:
        size, found, data = data.partition(b"\r\n")
        length = int(size, 16)
        if not found or len(data) < length + 2:
            raise ValueError("the body breaks off")
        if not length:
            return
        yield data[:length]
        data = data[length + 2 :]


def differences(case: TorchServeCase, expected: Expected, answer: TorchServeAnswer) -> list[str]:
    """Everything about the answer that is not as expected; empty = it is."""
    return [
        *_head(expected, answer),
        *_bytes(expected, answer),
        *_document(case, expected, answer),
    ]


def _head(expected: Expected, answer: TorchServeAnswer) -> Iterator[str]:
    if answer.status != expected.status:
        yield f"status: {expected.status} expected, {answer.status} given"
    if expected.reason is not None and answer.reason != expected.reason:
        yield f"reason: {expected.reason!r} expected, {answer.reason!r} given"
    for name, value in expected.headers.items():
        if answer.headers.get(name) != value:
            yield f"header {name}: {value!r} expected, {answer.headers.get(name)!r} given"
    yield from (
        f"header {name} is missing" for name in expected.headers_present if name not in answer.headers
    )
    yield from (f"header {name} is not wanted" for name in expected.headers_absent if name in answer.headers)


def _bytes(expected: Expected, answer: TorchServeAnswer) -> Iterator[str]:
    wanted = None if expected.body is None else expected.body.encode()
    if expected.body_b64 is not None:
        wanted = base64.b64decode(expected.body_b64, validate=True)
    if wanted is not None and answer.body != wanted:
        yield f"body: {wanted!r} expected, {answer.body!r} given"
    text = answer.body.decode("utf-8", "replace")
    yield from (f"body: {part!r} is missing" for part in expected.body_contains if part not in text)
    yield from (f"body: {part!r} is not wanted" for part in expected.body_lacks if part in text)
    if expected.chunks is not None:
        chunks = [chunk.encode() for chunk in expected.chunks]
        if answer.chunks != chunks:
            yield f"chunks: {chunks} expected, {answer.chunks} given"


def _document(case: TorchServeCase, expected: Expected, answer: TorchServeAnswer) -> Iterator[str]:
    unset = isinstance(expected.json, UnsetType) and isinstance(expected.json_subset, UnsetType)
    if unset and expected.error_type is None:
        return
    try:
        document = json.loads(answer.body)
    except ValueError:
        yield "body: JSON expected, something else given"
        return
    if not isinstance(expected.json, UnsetType):
        yield from value_differences(expected.json, document, "body", subset=False)
    if not isinstance(expected.json_subset, UnsetType):
        yield from missing(expected.json_subset, document, "body")
    if expected.error_type is not None:
        yield from _error(expected, document)
    got = document.get("types", {}) if isinstance(document, dict) else {}
    yield from (f"the handler got {key!r}" for key in case.not_keys if key in got)


def _error(expected: Expected, document: Any) -> Iterator[str]:
    if not isinstance(document, dict) or document.keys() != ERROR_KEYS:
        yield f"error: the keys {sorted(ERROR_KEYS)} expected, {document!r} given"
    elif (document["code"], document["type"]) != (expected.status, expected.error_type):
        yield f"error: {expected.error_type} expected, {document!r} given"


def missing(expected: Any, given: Any, path: str) -> Iterator[str]:
    """What of a document is not there: objects may have more keys, and lists go on."""
    if isinstance(expected, dict) and isinstance(given, dict):
        for key, value in expected.items():
            if key in given:
                yield from missing(value, given[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}: missing"
    elif isinstance(expected, list) and isinstance(given, list):
        if len(given) < len(expected):
            yield f"{path}: at least {len(expected)} elements expected, {len(given)} given"
        for index, (one, other) in enumerate(zip(expected, given, strict=False)):
            yield from missing(one, other, f"{path}[{index}]")
    else:
        yield from value_differences(expected, given, path, subset=True)
