"""One connection, driven without a socket."""

import asyncio
import contextlib
import gc
import weakref
from collections.abc import AsyncIterator

import pytest

from dragoman.core.deferred import Deferred
from dragoman.settings.limits import Limits
from dragoman.transports.http.shared import HEAD_BYTES
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Operation
from tests.unit.transports.http.memory import Client, Parts, echo, until

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
GET_ANSWER = OK + b"Content-Length: 6\r\n\r\nGET /a"
POST_ANSWER = OK + b"Content-Length: 5\r\n\r\nhello"


def refusal(status: int, phrase: str, message: str) -> bytes:
    body = b'{"error":"%s"}' % message.encode()
    head = b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nConnection: close\r\n" % (
        status,
        phrase.encode(),
    )
    return head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def test_an_answer_has_a_date_and_its_length():
    client = Client().send(POST)
    assert b"\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n" in client.transport.written
    assert client.answers == POST_ANSWER


def test_the_date_of_a_later_second_is_a_later_one():
    client = Client()
    times = [0.0, 1.0]
    client.shared.answers._wall = lambda: times[0]
    client.send(GET)
    times.pop(0)
    client.wait(1.0).send(GET)
    assert (
        client.transport.written.count(b"00:00:00 GMT")
        == client.transport.written.count(b"00:00:01 GMT")
        == 1
    )


def test_a_connection_serves_one_request_after_the_other():
    client = Client().send(GET).send(POST).send(GET)
    assert client.answers == GET_ANSWER + POST_ANSWER + GET_ANSWER
    assert client.open


def test_connection_close_is_honoured():
    client = Client().send(b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert client.answers == OK + b"Connection: close\r\nContent-Length: 6\r\n\r\nGET /a"
    assert client.transport.lost


@pytest.mark.parametrize(
    ("headers", "connection", "is_open"),
    [(b"", b"close", False), (b"Connection: keep-alive\r\n", b"keep-alive", True)],
)
def test_http_1_0_closes_unless_asked_to_stay(headers, connection, is_open):
    client = Client().send(b"GET /a HTTP/1.0\r\n" + headers + b"\r\n")
    assert client.answers == OK + b"Connection: " + connection + b"\r\nContent-Length: 6\r\n\r\nGET /a"
    assert client.open is is_open


def test_an_answer_may_close_the_connection_or_say_that_it_stays():
    def answer(_: Operation, wire: WireRequest) -> WireResponse:
        return WireResponse(200, b"", b"", keep_alive=wire.path == "/stay")

    client = Client(answer).send(b"GET /stay HTTP/1.1\r\nHost: x\r\n\r\n")
    assert client.answers == b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"
    assert client.open
    client.send(b"GET /go HTTP/1.1\r\nHost: x\r\n\r\n")
    assert client.answers.endswith(b"Connection: close\r\nContent-Length: 0\r\n\r\n")
    assert client.transport.lost


def test_head_gets_the_length_and_no_body():
    client = Client(lambda _, wire: WireResponse(200, b"12345")).send(
        b"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n" + GET
    )
    first, second = client.answers.split(b"\r\n\r\n", 1)
    assert first.endswith(b"Content-Length: 5")
    assert second.startswith(b"HTTP/1.1 200")


def test_204_has_neither_body_nor_length():
    client = Client(lambda _, wire: WireResponse(204, b"ignored")).send(GET)
    assert client.answers == b"HTTP/1.1 204 No Content\r\n\r\n"


def test_what_the_handler_sees_is_raw():
    seen: list[WireRequest] = []

    def note(operation: Operation, wire: WireRequest) -> WireResponse:
        seen.append(wire)
        return WireResponse(200)

    Client(note).send(b"PUT /%2e%2E/b?c=%20&d HTTP/1.1\r\nhOst: x\r\nX-A:  1 \t\r\nX-A:\r\n\r\n")
    (wire,) = seen
    assert (wire.method, wire.path, wire.query) == ("PUT", "/%2e%2E/b", "c=%20&d")
    assert wire.headers == [(b"hOst", b"x"), (b"X-A", b"1"), (b"X-A", b"")]
    assert wire.peer == "192.0.2.7"
    assert wire.header(b"x-a") == b"1"


def test_a_large_body_arrives_whole():
    body = bytes(range(256)) * 4096
    client = Client(lambda _, wire: WireResponse(200, wire.body, b"x/y"))
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body + GET)
    assert client.answers.split(b"\r\n\r\n", 1)[1].startswith(body + b"HTTP/1.1 200 OK")


def test_after_a_long_body_little_more_than_the_next_head_is_received_at_once():
    client = Client()
    whole = len(client.shared.view)
    body = bytes(range(256)) * 1024
    long = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    rooms = []
    for request in (POST, long, long, GET, POST):
        rooms.append(len(client.connection.get_buffer(-1)))
        client.send(request, piece=len(request))
        assert client.answers.endswith(body if request is long else b"GET /a" if request is GET else b"hello")
    assert rooms == [whole, whole, HEAD_BYTES, HEAD_BYTES, HEAD_BYTES]
    assert len(client.connection.get_buffer(-1)) == whole
    assert client.statuses == [200] * 5


@pytest.mark.parametrize("size", [5_000, 300_000, 3_000_000])
@pytest.mark.parametrize("follows", [GET + POST, GET[:1], b""])
def test_what_comes_behind_a_body_that_is_received_in_place_is_the_next_request(size: int, follows: bytes):
    body = bytes(range(250)) * (size // 250)
    client = Client(lambda _, wire: WireResponse(200, wire.body or b"GET /a", b"text/plain"))
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body))
    client.send(body + follows, piece=len(body) + len(follows))
    if follows == GET[:1]:
        client.send(GET[1:])
    whole = OK + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    assert (
        client.answers
        == whole + {GET + POST: GET_ANSWER + POST_ANSWER, GET[:1]: GET_ANSWER, b"": b""}[follows]
    )


def test_a_repeated_head_with_another_body_is_another_request():
    client = Client().send(POST).send(POST.replace(b"hello", b"HELLO"))
    assert client.answers == POST_ANSWER + POST_ANSWER.replace(b"hello", b"HELLO")


# Order and bounds


def test_pipelined_answers_come_in_order_and_in_one_write():
    client = Client()
    writes: list[int] = []
    original = client.transport.writelines
    client.transport.writelines = lambda parts: (writes.append(len(parts)), original(parts))  # type: ignore[method-assign]
    client.send(GET + POST + GET)
    assert client.answers == GET_ANSWER + POST_ANSWER + GET_ANSWER
    assert writes == [3]


def test_a_request_waits_for_the_answer_before_it_and_reading_pauses():
    async def scene() -> None:
        gates = {"/1": asyncio.Event(), "/2": asyncio.Event()}
        began: list[str] = []

        async def handler(operation: Operation, wire: WireRequest) -> WireResponse:
            began.append(wire.path)
            await gates[wire.path].wait()
            return WireResponse(200, wire.path.encode(), b"x/y")

        client = Client(handler).send(GET.replace(b"/a", b"/1") + GET.replace(b"/a", b"/2"))
        await asyncio.sleep(0)
        assert began == ["/1"]
        assert not client.transport.reading
        gates["/2"].set()
        gates["/1"].set()
        await until(lambda: client.statuses == [200, 200])
        assert client.answers.index(b"/1") < client.answers.index(b"/2")
        assert client.transport.reading

    asyncio.run(scene())


def test_a_long_pipeline_gives_others_their_turn():
    async def scene() -> None:
        client = Client(limits=Limits(pipelined_requests=4)).send(GET * 10)
        assert client.answers == GET_ANSWER * 4
        assert not client.transport.reading
        await asyncio.sleep(0)
        assert client.answers == GET_ANSWER * 8
        await asyncio.sleep(0)
        assert client.answers == GET_ANSWER * 10
        assert client.transport.reading

    asyncio.run(scene())


def test_what_follows_a_closing_request_is_not_answered():
    client = Client().send(b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + GET)
    assert client.statuses == [200]
    assert client.transport.eof_sent


# Handlers


def test_an_exception_of_the_handler_is_500_and_is_not_told(capsys):
    def fail(operation: Operation, wire: WireRequest) -> WireResponse:
        raise RuntimeError("secret")

    client = Client(fail).send(GET)
    assert client.statuses == [500]
    assert b"secret" not in client.answers
    assert client.open
    assert "secret" in capsys.readouterr().out


def test_an_exception_of_a_handler_that_took_a_task_is_500(capsys):
    async def fail(operation: Operation, wire: WireRequest) -> WireResponse:
        raise RuntimeError("secret")

    async def scene() -> None:
        client = Client(fail).send(GET)
        await until(lambda: client.answers)
        assert client.statuses == [500]
        assert client.open

    asyncio.run(scene())
    assert "secret" in capsys.readouterr().out


def test_a_line_break_in_a_header_of_the_answer_is_500(capsys):
    client = Client(lambda _, wire: WireResponse(200, headers=[(b"X", b"a\r\nB: c")])).send(GET)
    assert client.statuses == [500]
    assert b"B: c" not in client.answers
    capsys.readouterr()


def test_a_handler_is_cancelled_when_its_client_goes_away():
    async def scene() -> None:
        ended = asyncio.Event()

        async def wait(operation: Operation, wire: WireRequest) -> WireResponse:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            return WireResponse(200)

        client = Client(wait).send(GET)
        await asyncio.sleep(0)
        client.transport.lose()
        await ended.wait()
        assert client.answers == b""

    asyncio.run(scene())


def test_a_deferred_answer_needs_no_event_loop_and_keeps_the_order():
    waiting: list[Deferred[WireResponse]] = []

    def defer(operation: Operation, wire: WireRequest) -> Deferred[WireResponse]:
        waiting.append(Deferred())
        return waiting[-1]

    client = Client(defer).send(GET + GET)
    assert (len(waiting), client.answers) == (1, b"")
    waiting[0].resolve(WireResponse(200, b"one", b"x/y"))
    assert client.statuses == [200]
    waiting[1].reject(RuntimeError("secret"))
    assert client.statuses == [200, 500]
    assert b"secret" not in client.answers
    assert client.open


def test_a_deferred_answer_is_cancelled_when_its_client_goes_away():
    gone: list[bool] = []
    client = Client(lambda operation, wire: Deferred(lambda: gone.append(True))).send(GET)
    client.transport.lose()
    assert gone == [True]
    assert client.answers == b""


# Streams


async def parts(*items: bytes) -> AsyncIterator[bytes]:
    for item in items:
        yield item


def streaming(*items: bytes):
    return lambda operation, wire: WireResponse(200, content_type=b"x/y", stream=Parts(parts(*items)))


def test_a_streamed_answer_is_chunked():
    async def scene() -> None:
        client = Client(streaming(b"one", b"", b"twelve bytes")).send(GET)
        await until(lambda: client.answers.endswith(b"0\r\n\r\n"))
        assert client.answers == (
            b"HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\none\r\nc\r\ntwelve bytes\r\n0\r\n\r\n"
        )
        await asyncio.sleep(0)
        assert client.open

    asyncio.run(scene())


def test_a_streamed_answer_to_http_1_0_ends_with_the_connection():
    async def scene() -> None:
        client = Client(streaming(b"one", b"two")).send(b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        await until(lambda: client.transport.lost)
        assert client.answers == b"HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nConnection: close\r\n\r\nonetwo"

    asyncio.run(scene())


def test_head_of_a_streamed_answer_asks_for_no_part():
    async def scene() -> None:
        client = Client(streaming(b"one")).send(b"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: client.answers)
        await asyncio.sleep(0)
        assert client.answers.endswith(b"Transfer-Encoding: chunked\r\n\r\n")
        assert client.open

    asyncio.run(scene())


def test_a_stream_that_breaks_off_has_no_last_chunk(capsys):
    async def break_off() -> AsyncIterator[bytes]:
        yield b"one"
        raise RuntimeError("secret")

    async def scene() -> None:
        client = Client(lambda _, wire: WireResponse(200, stream=Parts(break_off()))).send(GET)
        await until(lambda: client.transport.lost)
        assert client.answers.endswith(b"3\r\none\r\n")
        assert client.transport.aborted

    asyncio.run(scene())
    capsys.readouterr()


def test_a_stream_that_ends_with_an_error_has_no_last_chunk_and_no_log_line_of_its_own(capsys):
    async def scene() -> None:
        broken = Parts(parts(b"one"), ending=WireResponse(500, b"it broke"))
        client = Client(lambda _, wire: WireResponse(200, stream=broken)).send(GET)
        await until(lambda: client.transport.lost)
        assert client.answers.endswith(b"3\r\none\r\n")
        assert client.transport.aborted

    asyncio.run(scene())
    assert capsys.readouterr().err == ""


def test_a_stream_waits_for_a_reader_that_does_not_keep_up():
    async def scene() -> None:
        given: list[bytes] = []

        async def count() -> AsyncIterator[bytes]:
            for item in (b"1" * 100, b"2" * 100, b"3" * 100):
                given.append(item)
                yield item

        client = Client(lambda _, wire: WireResponse(200, stream=Parts(count())))
        client.transport.takes = 150
        client.send(GET)
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(given) == 1
        client.transport.take(client.transport.buffered)
        await until(lambda: len(given) > 1)

    asyncio.run(scene())


def test_a_stream_is_closed_when_its_client_goes_away():
    async def scene() -> None:
        closed = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            try:
                while True:  # until it is closed
                    yield b"."
                    await asyncio.sleep(0)
            finally:
                closed.set()

        client = Client(lambda _, wire: WireResponse(200, stream=Parts(endless()))).send(GET)
        await until(lambda: b"1\r\n." in client.answers)
        client.transport.lose()
        await closed.wait()

    asyncio.run(scene())


def test_a_stream_is_closed_when_its_client_goes_away_before_it_began():
    async def scene() -> None:
        closed = asyncio.Event()

        class Unread(Parts):
            async def aclose(self) -> None:
                await super().aclose()
                closed.set()

        client = Client(lambda _, wire: WireResponse(200, stream=Unread(parts(b"one")))).send(GET)
        client.transport.lose()
        await until(closed.is_set)

    asyncio.run(scene())


def test_a_stream_that_is_given_after_its_client_has_gone_is_closed():
    async def scene() -> None:
        closed = asyncio.Event()

        class Unread(Parts):
            async def aclose(self) -> None:
                await super().aclose()
                closed.set()

        async def stubborn(operation: Operation, wire: WireRequest) -> WireResponse:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            return WireResponse(200, stream=Unread(parts()))

        client = Client(stubborn).send(GET)
        await asyncio.sleep(0)
        client.transport.lose()
        await until(closed.is_set)
        assert client.answers == b""

    asyncio.run(scene())


# Half-close


def test_a_client_that_shuts_its_side_still_gets_its_answers():
    async def scene() -> None:
        gate = asyncio.Event()

        async def handler(operation: Operation, wire: WireRequest) -> WireResponse:
            await gate.wait()
            return echo(operation, wire)

        client = Client(handler).send(GET)
        client.end()
        assert not client.transport.closed
        gate.set()
        await until(lambda: client.transport.lost)
        assert client.answers == GET_ANSWER

    asyncio.run(scene())


def test_an_idle_client_that_shuts_its_side_is_let_go():
    client = Client().send(GET).end()
    assert client.answers == GET_ANSWER
    assert client.transport.lost


@pytest.mark.parametrize("beginning", [b"GET /a HT", POST[:-1]])
def test_a_request_that_ends_early_is_400(beginning):
    client = Client().send(beginning).end()
    assert client.answers == refusal(400, "Bad Request", "the request ended early")
    assert client.transport.lost


def test_tls_knows_no_half_close():
    async def scene() -> None:
        async def wait(operation: Operation, wire: WireRequest) -> WireResponse:
            await asyncio.Event().wait()
            return WireResponse(200)

        client = Client(wait, tls=True).send(GET).end()
        assert client.transport.lost
        await asyncio.sleep(0)

    asyncio.run(scene())


# Deadlines


def test_a_connection_that_is_idle_too_long_is_closed_without_a_word():
    client = Client(limits=Limits(keep_alive_timeout_s=75)).send(GET)
    client.wait(74)
    assert client.open
    client.wait(3)
    assert client.transport.lost
    assert client.answers == GET_ANSWER


def test_every_request_starts_the_idle_time_anew():
    client = Client(limits=Limits(keep_alive_timeout_s=75)).send(GET)
    for _ in range(5):
        client.wait(50).send(GET)
    assert client.open


def test_a_head_that_drips_is_408():
    client = Client(limits=Limits(header_timeout_s=20))
    for byte in GET[:-1]:
        client.send(bytes([byte])).wait(1)
    assert client.answers == refusal(408, "Request Timeout", "the head of the request did not come in time")
    assert not client.open
    assert client.refused == [("/a", 408)]


def test_a_body_that_drips_is_408_once_its_grace_is_over():
    client = Client(limits=Limits(body_bytes_per_s=10, body_grace_s=20))
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(19):
        client.send(b".").wait(1)
    assert client.open
    client.send(b".").wait(3)
    assert client.statuses == [408]


def test_a_body_that_keeps_the_least_rate_is_taken():
    client = Client(limits=Limits(body_bytes_per_s=10, body_grace_s=20))
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        client.wait(0.9).send(b"." * 10)
    assert client.statuses == [200]


def test_a_body_that_takes_longer_than_its_deadline_is_408():
    client = Client(limits=Limits(body_bytes_per_s=1, body_timeout_s=60))
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(70):
        client.wait(1).send(b"2\r\n..\r\n")
    assert client.statuses == [408]


def test_the_second_body_of_a_connection_has_as_much_time_as_the_first():
    client = Client(limits=Limits(body_bytes_per_s=0, body_timeout_s=60))
    client.send(POST[:-1]).wait(50).send(b"o" + POST[:-1]).wait(50).send(b"o")
    assert client.statuses == [200, 200]


def test_a_handler_may_take_its_time():
    async def scene() -> None:
        gate = asyncio.Event()

        async def handler(operation: Operation, wire: WireRequest) -> WireResponse:
            await gate.wait()
            return WireResponse(200)

        client = Client(handler).send(GET)
        client.wait(100_000)
        gate.set()
        await until(lambda: client.answers)
        assert client.statuses == [200]

    asyncio.run(scene())


def test_timeouts_of_zero_never_come():
    off = Limits(
        keep_alive_timeout_s=0, header_timeout_s=0, body_timeout_s=0, body_bytes_per_s=0, write_timeout_s=0
    )
    client = Client(limits=off).wait(1e6).send(POST[:5]).wait(1e6).send(POST[5:-1]).wait(1e6).send(POST[-1:])
    assert client.answers == POST_ANSWER


def test_a_reader_that_takes_nothing_is_dropped():
    client = Client(limits=Limits(write_timeout_s=60))
    client.transport.takes = 10
    client.send(GET).wait(30)
    client.transport.take(1)
    client.wait(31)
    assert not client.transport.lost
    client.wait(62)
    assert client.transport.aborted


def test_nothing_is_read_while_the_reader_is_stalled():
    client = Client()
    client.transport.takes = 10
    client.send(GET).send(GET)
    assert client.answers == GET_ANSWER
    assert not client.transport.reading
    client.transport.take(client.transport.buffered)
    assert client.answers == GET_ANSWER * 2


def test_a_last_answer_that_is_never_read_does_not_hold_the_connection():
    client = Client(limits=Limits(write_timeout_s=60))
    client.transport.takes = 1000
    client.send(b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert not client.transport.lost
    client.wait(62)
    assert client.transport.aborted


# Refusals


def test_a_refusal_is_told_and_the_client_may_read_it():
    client = Client().send(b"nonsense\r\n\r\n")
    assert client.answers == refusal(400, "Bad Request", "malformed request: Invalid method encountered")
    assert client.transport.eof_sent
    assert not client.transport.closed
    client.send(b"more of it" * 1000)
    assert client.statuses == [400]
    client.end()
    assert client.transport.lost


def test_a_refused_client_that_does_not_hang_up_is_dropped():
    client = Client().send(b"nonsense\r\n\r\n").wait(4).send(b".").wait(4)
    assert not client.transport.lost
    client.wait(3)
    assert client.transport.aborted


def test_a_refused_client_that_sends_for_ever_is_dropped():
    client = Client().send(b"nonsense\r\n\r\n")
    for _ in range(33):
        client.wait(1).send(b".")
    assert client.transport.aborted


def test_answers_before_a_refusal_are_given():
    client = Client().send(GET + b"nonsense\r\n\r\n")
    assert client.statuses == [200, 400]


def test_an_announced_body_beyond_the_limit_is_413_and_not_100():
    client = Client(limits=Limits(body_bytes=1000))
    client.send(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n")
    assert client.statuses == [413]
    assert client.refused == [("/a", 413)]


def test_a_client_that_waits_for_100_gets_it():
    client = Client().send(POST[:-9] + b"\r\nExpect: 100-continue\r\n\r\n")
    assert client.answers == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"hello")
    assert client.answers == b"HTTP/1.1 100 Continue\r\n\r\n" + POST_ANSWER


def test_a_client_that_did_not_wait_for_100_gets_none():
    client = Client().send(POST[:-9] + b"\r\nExpect: 100-continue\r\n\r\nh").send(b"ello")
    assert client.answers == POST_ANSWER


def test_more_connections_than_the_limit_are_503():
    first = Client(limits=Limits(connections=1))
    second = Client(shared=first.shared)
    third = Client(shared=first.shared)
    assert first.open
    assert second.answers == refusal(503, "Service Unavailable", "too many connections")
    assert third.transport.aborted
    first.transport.lose()
    second.transport.lose()
    assert Client(shared=first.shared).open


# Drain


def test_draining_closes_what_is_idle_and_answers_what_has_begun():
    idle = Client()
    busy = Client(shared=idle.shared).send(POST[:-1])
    idle.shared.draining = True
    for connection in list(idle.shared.connections):
        connection.drain()
    assert idle.transport.lost
    assert not busy.transport.lost
    busy.send(POST[-1:])
    assert busy.answers == POST_ANSWER.replace(b"Content-Length", b"Connection: close\r\nContent-Length")
    assert busy.transport.lost
    assert idle.shared.emptied.is_set()


# Memory


@pytest.mark.parametrize("data", [GET, POST[:-1], GET[:-1], b"nonsense\r\n\r\n", POST.replace(b"5", b"five")])
def test_a_connection_that_is_gone_needs_no_garbage_collector(data):
    gc.disable()
    try:
        client = Client().send(data)
        connection = weakref.ref(client.connection)
        client.transport.lose()
        del client.connection, client.transport
        assert connection() is None
    finally:
        gc.enable()
