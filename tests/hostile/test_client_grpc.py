"""gRPC servers that answer badly, and what the client's transports make of it."""

import asyncio
import inspect
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from dragoman.client import (
    AsyncClient,
    BadAnswer,
    Client,
    Code,
    ConnectionFailed,
    Result,
    ServerError,
    TimedOut,
    Tls,
)
from dragoman.wire.protobuf import message_class
from tests.security.certificates import Authority

GUARD_S = 30.0
SOON_S = 0.2
READY: bytes = message_class("inference.ServerReadyResponse")(ready=True).SerializeToString()
PART: bytes = message_class("inference.ModelStreamInferResponse")(
    infer_response={"model_name": "m"}
).SerializeToString()
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE

Handler = Callable[["Played", Any], Any]


class Played(grpc.GenericRpcHandler):
    """Answers the calls one after another as these functions do; ModelStreamInfer in parts."""

    def __init__(self, handlers: tuple[Handler, ...]) -> None:
        self.metadata: list[dict[str, str]] = []
        self.over = threading.Event()
        self._handlers = iter(handlers)

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        self.metadata.append(dict(details.invocation_metadata))
        if details.method.endswith("/ModelStreamInfer"):
            return grpc.stream_stream_rpc_method_handler(
                lambda _, context: next(self._handlers)(self, context)
            )
        return grpc.unary_unary_rpc_method_handler(lambda _, context: next(self._handlers)(self, context))


@contextmanager
def peer(
    *handlers: Handler, credentials: grpc.ServerCredentials | None = None
) -> Iterator[tuple[str, Played]]:
    played = Played(handlers)
    with ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool)
        server.add_generic_rpc_handlers((played,))
        if credentials is None:
            url = f"grpc://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        else:
            url = f"grpcs://127.0.0.1:{server.add_secure_port('127.0.0.1:0', credentials)}"
        server.start()
        try:
            yield url, played
        finally:
            played.over.set()
            server.stop(0).wait()


def giving(body: bytes) -> Handler:
    return lambda played, context: body


def failing(code: grpc.StatusCode, details: str, *trailers: tuple[str, str]) -> Handler:
    def handler(played: Played, context: Any) -> Any:
        context.set_trailing_metadata(trailers)
        context.abort(code, details)

    return handler


def waiting(played: Played, context: Any) -> bytes:
    played.over.wait(GUARD_S)
    return READY


def streaming(*parts: bytes, then: Handler | None = None) -> Handler:
    def handler(played: Played, context: Any) -> Iterator[bytes]:
        yield from parts
        if then is not None:
            then(played, context)

    return handler


class Both:
    """A client of either kind, called alike."""

    def __init__(self, asynchronous: bool) -> None:
        self._asynchronous = asynchronous

    def call(self, url: str, name: str, *arguments: Any, **options: Any) -> Any:
        options = {"timeout_s": GUARD_S, "retries": 0, **options}
        if not self._asynchronous:
            with Client(url, **options) as client:
                given = getattr(client, name)(*arguments)
                return list(given) if name == "stream" else given

        async def run() -> Any:
            async with AsyncClient(url, **options) as client:
                given = getattr(client, name)(*arguments)
                return await given if inspect.isawaitable(given) else [result async for result in given]

        return asyncio.run(run())


@pytest.fixture(params=[False, True], ids=["threads", "asyncio"])
def both(request: pytest.FixtureRequest) -> Both:
    return Both(request.param)


def test_who_calls_goes_with_every_call(both: Both) -> None:
    with peer(giving(READY)) as (url, played):
        assert both.call(url, "ready", token="abc", headers={"X-Team": "red"})
    assert played.metadata[0]["authorization"] == "Bearer abc"
    assert played.metadata[0]["x-team"] == "red"


def test_a_server_that_is_not_available_is_asked_again(both: Both) -> None:
    busy = failing(UNAVAILABLE, "busy")
    with peer(busy, busy, giving(READY)) as (url, played):
        assert both.call(url, "ready", retries=2) is True
    assert len(played.metadata) == 3


def test_a_server_that_says_when_to_come_again_is_believed(both: Both) -> None:
    with (
        peer(failing(UNAVAILABLE, "busy", ("retry-after", "1000"))) as (url, _),
        pytest.raises(ServerError) as caught,
    ):
        both.call(url, "ready", retries=5)
    assert (caught.value.code, caught.value.retry_after_s) == (Code.UNAVAILABLE, 1000)


@pytest.mark.parametrize("code", [grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INTERNAL])
def test_a_failure_is_told_once(both: Both, code: grpc.StatusCode) -> None:
    with peer(failing(code, "why")) as (url, _), pytest.raises(ServerError, match="why") as caught:
        both.call(url, "metadata", "m", retries=5)
    assert caught.value.code is Code[code.name]
    assert (caught.value.url, caught.value.model) == (url, "m")


def test_what_changes_something_is_not_sent_twice(both: Both) -> None:
    with peer(failing(UNAVAILABLE, "busy"), giving(b"")) as (url, played), pytest.raises(ServerError):
        both.call(url, "unload", "m", retries=5)
    assert len(played.metadata) == 1


def test_a_server_that_falls_silent_is_left(both: Both) -> None:
    with peer(waiting) as (url, _), pytest.raises(TimedOut, match=url):
        both.call(url, "ready", timeout_s=SOON_S)


def test_a_server_that_is_slow_to_greet_is_waited_for(both: Both) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimedOut):
        both.call(f"grpc://127.0.0.1:{silent.getsockname()[1]}", "ready", timeout_s=1.0)


def test_an_answer_that_is_too_large_is_refused(both: Both) -> None:
    with peer(giving(bytes(1000))) as (url, _), pytest.raises(BadAnswer, match="max_answer_bytes"):
        both.call(url, "ready", max_answer_bytes=100)


def test_an_answer_that_is_no_message_is_refused(both: Both) -> None:
    with peer(giving(b"\xff")) as (url, _), pytest.raises(BadAnswer):
        both.call(url, "ready")


def test_a_server_that_is_not_there_is_told(both: Both) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # nobody else has the port, and nobody listens on it
        url = f"grpc://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ConnectionFailed, match=url) as caught:
            both.call(url, "ready")
    assert not caught.value.sent


def test_a_stream_comes_part_by_part(both: Both) -> None:
    with peer(streaming(PART, PART)) as (url, played):
        results: list[Result] = both.call(url, "stream", "m", {})
    assert [result.model for result in results] == ["m", "m"]
    assert played.metadata[0]["triton_grpc_error"] == "true"


@pytest.mark.parametrize("parts", [(), (PART,)])
def test_a_stream_that_fails_says_why(both: Both, parts: tuple[bytes, ...]) -> None:
    late = failing(grpc.StatusCode.INTERNAL, "out of memory")
    with peer(streaming(*parts, then=late)) as (url, _), pytest.raises(ServerError, match="out of memory"):
        both.call(url, "stream", "m", {}, retries=3)


@pytest.mark.parametrize("parts", [(), (PART,)])
def test_a_stream_that_falls_silent_is_left(both: Both, parts: tuple[bytes, ...]) -> None:
    with peer(streaming(*parts, then=waiting)) as (url, _), pytest.raises(TimedOut, match=url):
        both.call(url, "stream", "m", {}, timeout_s=SOON_S)


def test_a_stream_that_nobody_reads_on_is_cancelled() -> None:
    gone = threading.Event()

    def endless(played: Played, context: Any) -> Iterator[bytes]:
        context.add_callback(gone.set)
        yield PART
        waiting(played, context)

    with peer(endless) as (url, played), Client(url) as client:
        results = client.stream("m", {})
        assert next(results).model == "m"
        results.close()
        assert gone.wait(GUARD_S)
        played.over.set()


def test_a_trusted_certificate_is_enough(both: Both, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    certificate, key = authority.issue("server")
    credentials = grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())])
    with peer(giving(READY), credentials=credentials) as (url, _):
        assert both.call(url, "ready", tls=Tls(ca_file=str(authority.file)))
        with pytest.raises(ConnectionFailed):
            both.call(url, "ready", tls=Tls(ca_file=str(Authority(tmp_path, "other").file)))
