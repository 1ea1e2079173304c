"""A listener without a socket: models that read bodies, as functions, and the reference models."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from dragoman.assembly.builtin import protocols
from dragoman.assembly.collisions import ARBITERS
from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import CoreRequest, Kind, PayloadRequest, Target
from dragoman.core.responses import Chunk, PayloadResponse, TensorResponse
from dragoman.core.signatures import Answers, Signature
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.gateway.gateway import Gateway
from dragoman.gateway.recorder import Recorder
from dragoman.repository.handle import Handle
from dragoman.settings.limits import Limits
from dragoman.telemetry.logs import AccessLog
from dragoman.telemetry.metrics import Metrics
from dragoman.transports.http.answer import AnswerHeads
from dragoman.transports.http.router import Router
from dragoman.transports.http.shared import Shared
from dragoman.wire.operation import ProtocolSpec
from tests.unit.protocols.tfs.reference import SIGNATURES, run
from tests.unit.transports.http.memory import Client, StillWheel

READS: Final = Signature(
    "serving_default",
    {},
    {},
    accepts=frozenset({Kind.PAYLOAD, Kind.TREE, Kind.TENSORS}),
    answers=Answers.EITHER,
    untyped=True,
)
Parts = PayloadResponse | list[PayloadResponse]
Function = Callable[[PayloadRequest], Parts]
TURNS: Final = 200


def spoken(keeps_repeated_parts: bool) -> list[ProtocolSpec]:
    """What a listener speaks that names no protocols."""
    return [spec for spec in protocols(keeps_repeated_parts=keeps_repeated_parts) if not spec.only_named]


class Functions:
    """Runs a model that reads bodies. A list of answers is a stream, an error in it breaks that off."""

    def __init__(self, function: Function) -> None:
        self._function = function

    async def run(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> PayloadResponse:
        parts = [part.payload async for part in self.stream(handle, request, signature, call)]
        first = next(part for part in parts if part is not None)
        first.body = b"".join(part.body for part in parts if part is not None)
        return first

    async def stream(
        self, handle: Handle, request: CoreRequest, _: Signature, __: CallContext
    ) -> AsyncGenerator[Chunk, None]:
        assert isinstance(request, PayloadRequest)
        found = self._function(request)
        parts = found if isinstance(found, list) else [found]
        for index, part in enumerate(parts):
            if part.body == b"!":
                raise DragomanError(Code.INTERNAL, "Worker died.", status=500)
            yield Chunk(payload=part, version=handle.version, last=index == len(parts) - 1)


class Tensors:
    """Runs one of the reference models."""

    def __init__(self, name: str) -> None:
        self._name = name

    def run(
        self, handle: Handle, request: CoreRequest, signature: Signature, _: CallContext
    ) -> TensorResponse:
        return run(self._name, handle.version, request, signature)


class Models:
    """Each model in one version, which is called 1.0."""

    def __init__(self, handles: Mapping[str, Handle]) -> None:
        self.handles = handles
        self.report = StatusReport({name: status(name, handle) for name, handle in sorted(handles.items())})

    def pin(self, target: Target) -> Handle:
        handle = self.handles.get(target.model)
        if handle is None:
            raise DragomanError(Code.NOT_FOUND, "no such model", reason=Reason.MODEL_UNKNOWN)
        if target.version_name not in (None, "1.0") or target.version not in (None, 1):
            raise DragomanError(Code.NOT_FOUND, "no such version", reason=Reason.VERSION_UNKNOWN)
        handle.hold()
        return handle


def status(name: str, handle: Handle) -> ModelStatus:
    version = VersionStatus(1, State.READY, "test", signatures=handle.signatures, name="1.0")
    return ModelStatus(name, (version,))


class Answer(NamedTuple):
    """What came back; header names in lower case; `chunks` None = it came whole."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes
    chunks: list[bytes] | None
    open: bool


class Served:
    """One listener."""

    def __init__(
        self,
        functions: Mapping[str, Function] | None = None,
        dialect: str = "torchserve",
        *,
        reference: Iterable[str] = (),
        keeps_repeated_parts: bool = False,
    ) -> None:
        handles = {
            name: Handle(name, 1, {"serving_default": READS}, Functions(function), "1.0")
            for name, function in (functions or {}).items()
        } | {name: Handle(name, 1, SIGNATURES[name], Tensors(name), "1.0") for name in reference}
        self.models = Models(handles)
        recorder = Recorder(Metrics(), AccessLog("off", 1.0))
        self.gateway = Gateway(self.models, Limits(), recorder)
        strict = dialect == "torchserve"
        self.shared = Shared(
            Router(spoken(keeps_repeated_parts), dialect, ARBITERS),
            lambda operation, wire: self.gateway.call(operation, wire, own_ids=strict),
            Limits(),
            None,
            StillWheel(lambda: 0.0),
            AnswerHeads(lambda: 0.0),
        )

    def send(self, data: bytes) -> Answer:
        """The answer to these bytes."""
        return asyncio.run(self._send(data))

    async def _send(self, data: bytes) -> Answer:
        client = Client(shared=self.shared).send(data)
        for _ in range(TURNS):
            await asyncio.sleep(0)
        return parsed(client.answers, client.open)

    def ask(
        self, method: str, target: str, body: bytes | str = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer to a request; it has no content type unless the headers do."""
        data = body.encode() if isinstance(body, str) else body
        lines = {"Host": "x", "Content-Length": str(len(data)), **(headers or {})}
        head = "\r\n".join([f"{method} {target} HTTP/1.1", *(f"{k}: {v}" for k, v in lines.items()), "", ""])
        return self.send(head.encode("latin-1") + data)


def parsed(data: bytes, is_open: bool) -> Answer:
    """An answer from its bytes; its body ends where the bytes do."""
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    found = re.fullmatch(r"HTTP/1\.1 (\d+) (.*)", first)
    assert found is not None, data
    pairs = [line.split(": ", 1) for line in lines]
    headers = {name.lower(): value for name, value in pairs}
    assert len(headers) == len(pairs), "a header was sent twice"
    chunks = unchunked(rest) if headers.get("transfer-encoding") == "chunked" else None
    body = rest if chunks is None else b"".join(chunks)
    return Answer(int(found[1]), found[2], headers, body, chunks, is_open)


def unchunked(data: bytes) -> list[bytes]:
    chunks: list[Any] = []
    while data:
        size, _, data = data.partition(b"\r\n")
        chunks.append(data[: int(size, 16)])
        data = data[int(size, 16) + 2 :]
    return chunks
