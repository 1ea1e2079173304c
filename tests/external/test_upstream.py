"""The client of other servers, against servers on real sockets that do what servers should not."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.upstream import (
    Answer,
    BreakerState,
    OpenAiUpstream,
    Place,
    Request,
    Timing,
    Upstream,
    UpstreamRules,
    socket_place,
)
from tests.external.standin import (
    STREAM,
    StandIn,
    chunk,
    events,
    hangs,
    never_ends,
    raw,
    says,
    sends,
    standing_in,
)

T = TypeVar("T")
ASK = Request("POST", "/ask", (b"{}",))
ASK_AGAIN = Request("POST", "/ask", (b"{}",), idempotent=True)
ONCE = UpstreamRules(retries=0)
KEY = "sk-very-secret"
WORD: dict[str, Any] = {"choices": [{"index": 0, "text": "word"}]}


class Pauses:
    """Time that passes only where somebody pauses."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now_s += seconds

    @property
    def timing(self) -> Timing:
        return Timing(lambda: self.now_s, self.sleep, lambda: 0.5)


def upstream(server: StandIn, rules: UpstreamRules = ONCE, timing: Timing | None = None) -> Upstream:
    place = Place("127.0.0.1", server.port, "/v1")
    return Upstream("the server", place, rules, key=lambda: KEY, timing=timing or Pauses().timing)


async def ask(called: Upstream, request: Request = ASK, deadline_s: float | None = None) -> Answer:
    return await called.call(request, lambda answer: answer, deadline_s)


async def refused(call: Awaitable[object]) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        await call
    assert KEY not in str(caught.value)
    return caught.value


def on_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await test()

    asyncio.run(bounded())


def test_a_call_carries_the_key_and_keeps_its_connection_for_the_next() -> None:
    async def test() -> None:
        async with standing_in(says(200, {"a": 1})) as server:
            called = upstream(server)
            first, second = await ask(called), await ask(called)
            called.close()
        assert (json.loads(first.body), second.status) == ({"a": 1}, 200)
        assert server.connections == 1
        assert server.asked[0].path == "/v1/ask"
        assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
        assert server.asked[0].headers["host"] == f"127.0.0.1:{server.port}"

    on_loop(test)


def test_a_unix_socket_is_called_as_a_port_is(tmp_path: Path) -> None:
    async def test() -> None:
        path = str(tmp_path / "s")
        async with standing_in(says(200, {}), path=path) as server:
            called = Upstream("the process", socket_place(path, "/v1"))
            assert (await ask(called)).status == 200
            called.close()
        assert server.asked[0].headers["host"] == "localhost"

    on_loop(test)


def test_a_server_that_is_not_there_is_tried_again_and_then_told_of() -> None:
    async def test() -> None:
        async with standing_in(says(200, {})) as server:
            pass  # its port is free again
        pauses = Pauses()
        called = upstream(server, UpstreamRules(retries=2), pauses.timing)
        error = await refused(ask(called))
        assert (error.code, len(pauses.pauses)) == (Code.UNAVAILABLE, 2)
        assert error.message.startswith("the server cannot be reached: ")

    on_loop(test)


def test_503_is_asked_again_after_the_time_that_it_names() -> None:
    async def test() -> None:
        pauses = Pauses()
        busy = says(503, {}, {"retry-after": "2"})
        async with standing_in(busy, busy, says(200, {"b": 2})) as server:
            called = upstream(server, UpstreamRules(retries=2), pauses.timing)
            assert json.loads((await ask(called)).body) == {"b": 2}
            called.close()
        assert pauses.pauses == [2, 2]

    on_loop(test)


def test_503_with_a_long_wait_is_told_to_the_caller_with_it() -> None:
    async def test() -> None:
        async with standing_in(says(503, {}, {"retry-after": "60"})) as server:
            error = await refused(ask(upstream(server, UpstreamRules(retries=5))))
        assert (error.code, error.retry_after_s, len(server.asked)) == (Code.UNAVAILABLE, 60, 1)

    on_loop(test)


def test_only_an_idempotent_call_is_sent_again_after_a_connection_that_broke_unanswered() -> None:
    async def test() -> None:
        async with standing_in(raw(b""), says(200, {})) as server:
            assert (await ask(upstream(server, UpstreamRules(retries=1)), ASK_AGAIN)).status == 200
        assert len(server.asked) == 2
        async with standing_in(raw(b""), says(200, {})) as server:
            error = await refused(ask(upstream(server, UpstreamRules(retries=1))))
        assert (error.code, len(server.asked)) == (Code.UNAVAILABLE, 1)
        assert error.message == "the server closed the connection without an answer"

    on_loop(test)


def test_an_answer_that_is_cut_off_is_not_asked_for_again() -> None:
    async def test() -> None:
        part = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        async with standing_in(part) as server:
            error = await refused(ask(upstream(server, UpstreamRules(retries=3)), ASK_AGAIN))
        assert error.message == "the server closed the connection within its answer"
        assert len(server.asked) == 1

    on_loop(test)


@pytest.mark.parametrize(
    "where", ["http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:1/", "https://else.example/"]
)
def test_a_redirect_is_not_followed(where: str) -> None:
    async def test() -> None:
        async with standing_in(says(302, {}, {"location": where})) as server:
            error = await refused(ask(upstream(server)))
        assert error.code is Code.INTERNAL
        assert error.message == "the server answers with a redirect (status 302), and none is followed"
        assert len(server.asked) == 1

    on_loop(test)


@pytest.mark.parametrize(
    "first", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab"]
)
def test_a_server_that_hangs_is_waited_for_no_longer_than_the_rules_say(first: bytes) -> None:
    async def test() -> None:
        async with standing_in(hangs(first)) as server:
            called = upstream(server, UpstreamRules(timeout_s=1.0, retries=0))
            error = await refused(ask(called))
            await server.gone.wait()  # which the closed connection tells it
        assert error.code is Code.DEADLINE_EXCEEDED
        assert error.message == "the server gave no whole answer within 1 s"

    on_loop(test)


def test_the_callers_deadline_goes_before_the_rules() -> None:
    async def test() -> None:
        async with standing_in(hangs()) as server:
            called = upstream(server, UpstreamRules(timeout_s=600))
            error = await refused(ask(called, deadline_s=0.05))
        assert error.message == "the server gave no answer before the deadline"
        assert called.breaker.last_failure == ""

    on_loop(test)


@pytest.mark.parametrize(
    ("reply", "what"),
    [
        (raw(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "it is no HTTP"),
        (sends(200, b"x", {"content-encoding": "gzip"}), "it is compressed (gzip)"),
        (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n"), "it has more than 1000 bytes"),
        (never_ends(STREAM, chunk(b"x" * 100)), "it has more than 1000 bytes"),
        (never_ends(b"HTTP/1.1 200 OK\r\n", b"x-more: and more\r\n"), "its head is too long"),
        (raw(b"HTTP/1.1 101 Switching\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n"), "another protocol"),
    ],
)
def test_an_answer_that_is_none_is_told_as_one(reply: Any, what: str) -> None:
    async def test() -> None:
        async with standing_in(reply) as server:
            error = await refused(ask(upstream(server, UpstreamRules(most_answer_bytes=1000, retries=0))))
        assert error.code is Code.INTERNAL
        assert what in error.message

    on_loop(test)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, Code.INVALID_ARGUMENT, "it was *** that failed"),
        (401, Code.UNAVAILABLE, "the server does not accept this server's key (status 401)"),
        (403, Code.UNAVAILABLE, "the server does not accept this server's key (status 403)"),
        (404, Code.UNAVAILABLE, "the server knows no such model or path (status 404)"),
        (413, Code.TOO_LARGE, "it was *** that failed"),
        (422, Code.INVALID_ARGUMENT, "it was *** that failed"),
        (429, Code.RESOURCE_EXHAUSTED, "it was *** that failed"),
        (500, Code.INTERNAL, "the server failed (status 500)"),
        (502, Code.UNAVAILABLE, "the server is not available (status 502)"),
        (504, Code.DEADLINE_EXCEEDED, "the server gave no answer in time (status 504)"),
    ],
)
def test_every_status_has_its_error(status: int, code: Code, message: str) -> None:
    async def test() -> None:
        said = {"error": {"message": f"it was {KEY} that failed", "param": "n", "code": None}}
        async with standing_in(says(status, said, {"retry-after": "7"})) as server:
            error = await refused(ask(upstream(server)))
        assert (error.code, error.message, error.retry_after_s) == (code, message, 7)
        assert error.param == (
            "n" if code in (Code.INVALID_ARGUMENT, Code.TOO_LARGE) or status == 429 else None
        )

    on_loop(test)


def test_a_server_that_keeps_failing_is_left_alone_and_tried_again_later() -> None:
    async def test() -> None:
        pauses = Pauses()
        down = says(500, {})
        async with standing_in(down, down, says(200, {})) as server:
            called = upstream(server, UpstreamRules(retries=0, failures=2, open_s=10), pauses.timing)
            await refused(ask(called))
            await refused(ask(called))
            error = await refused(ask(called))
            assert (error.code, error.retry_after_s) == (Code.UNAVAILABLE, 10)
            assert len(server.asked) == 2
            assert called.breaker.state is BreakerState.OPEN
            pauses.now_s += 10
            assert (await ask(called)).status == 200
            assert called.breaker.state is BreakerState.CLOSED
            called.close()

    on_loop(test)


def test_nonsense_counts_as_a_failure() -> None:
    async def test() -> None:
        async with standing_in(sends(200, b"<html>")) as server:
            called = upstream(server, UpstreamRules(retries=0, failures=2))
            for _ in range(2):
                error = await refused(OpenAiUpstream(called).look("/models", None))
                assert error.message == "the server gave an answer that is none: it is no JSON"
        assert called.breaker.state is BreakerState.OPEN

    on_loop(test)


def test_events_come_one_by_one_and_leave_the_connection_for_the_next_call() -> None:
    async def test() -> None:
        async with standing_in(events(WORD, WORD), says(200, {})) as server:
            called = upstream(server)
            stream = await OpenAiUpstream(called).open("/completions", {"stream": True}, None)
            assert [await stream.next() for _ in range(3)] == [WORD, WORD, None]
            assert stream.is_done
            await ask(called)
            called.close()
        assert server.connections == 1

    on_loop(test)


def test_a_reader_that_goes_closes_the_connection() -> None:
    async def test() -> None:
        first = STREAM + chunk(b"data: " + json.dumps(WORD).encode() + b"\n\n")
        async with standing_in(hangs(first)) as server:
            stream = await OpenAiUpstream(upstream(server)).open("/completions", {}, None)
            assert await stream.next() == WORD
            stream.close()
            await server.gone.wait()

    on_loop(test)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (raw(STREAM + chunk(b'data: {"a":1}\n\n')), "the server closed the connection within its answer"),
        (
            events({"a": 1}, end=chunk(b"data: {") + b"0\r\n\r\n"),
            "the server closed the connection within its answer",
        ),
        (
            events({"a": 1}, end=chunk(b"data: {]\n\n")),
            "the server gave an answer that is none: it is no JSON",
        ),
        (
            events({"a": 1}, end=chunk(b"data: []\n\n")),
            "the server gave an answer that is none: it is no JSON object",
        ),
        (events({"a": 1}, {"error": {"message": KEY}}), "the server failed (status 500)"),
        (
            events({"a": 1}, {"error": {"message": "o", "code": 503}}),
            "the server is not available (status 503)",
        ),
        (hangs(STREAM + chunk(b'data: {"a":1}\n\n')), "the server sent nothing more within 1 s"),
    ],
)
def test_a_stream_that_ends_badly_is_told_of(reply: Any, message: str) -> None:
    async def test() -> None:
        async with standing_in(reply) as server:
            called = upstream(server, UpstreamRules(idle_timeout_s=1.0, retries=3))
            stream = await OpenAiUpstream(called).open("/completions", {}, None)
            assert await stream.next() == {"a": 1}
            error = await refused(stream.next())
            assert called.breaker.last_failure == message
        assert error.message == message
        assert len(server.asked) == 1

    on_loop(test)


def test_an_answer_where_events_are_due_is_told_as_none() -> None:
    async def test() -> None:
        async with standing_in(says(200, {})) as server:
            error = await refused(OpenAiUpstream(upstream(server)).open("/completions", {}, None))
        assert "it is application/json, no events" in error.message

    on_loop(test)


def test_an_address_that_may_not_be_reached_is_not_connected_to() -> None:
    async def test() -> None:
        def resolve(host: str, port: int) -> list[tuple[int, Any]]:
            raise DragomanError(Code.NOT_FOUND, f"{host} leads to 10.0.0.1, which is no public address")

        called = Upstream("the server", Place("inner.example"), resolve=resolve)
        error = await refused(ask(called))
        assert error.message == "inner.example leads to 10.0.0.1, which is no public address"

    on_loop(test)
