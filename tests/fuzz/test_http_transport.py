"""Whatever arrives, the transport answers or hangs up; it never raises and never waits for ever."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from dragoman.settings.limits import Limits
from dragoman.transports.http.shared import Handler
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Operation
from tests.hostile.table import GET, LIMITS, TABLE, post
from tests.unit.transports.http.memory import Client, until

LONGEST_S = 1000.0  # longer than any deadline
SEEDS = [step for row in TABLE for step in row.script if isinstance(step, bytes) and len(step) < 2000]
TOKENS = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b";", b",", b"0", b"5", b"ffff", b"-1", b"\xff",
    b"GET ", b"POST ", b"HEAD ", b"CONNECT ", b"PRI * ", b"/", b"*", b"http://", b"#", b"?",
    b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"Host: x\r\n", b"Content-Length: ",
    b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Connection: upgrade\r\n",
    b"Upgrade: h2c\r\n", b"Expect: 100-continue\r\n", b"\r\n\r\n", b"0\r\n\r\n",
]  # fmt: skip
SMALL = Limits(header_bytes=400, header_count=10, body_bytes=100, pipelined_requests=3)


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A request of the table with a few bytes replaced, repeated, cut or put in."""
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + 8)))
        piece = draw(st.one_of(st.sampled_from(TOKENS), st.binary(max_size=4), st.just(data[start:stop] * 2)))
        data = data[:start] + piece + data[stop:]
    return data


SENT = st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(TOKENS)).map(b"".join), mutations())


def ok(operation: Operation, wire: WireRequest) -> WireResponse:
    """An answer that cannot be taken for two."""
    return WireResponse(200, b"ok")


def ends(data: bytes, pieces: list[int], limits: Limits, handler: Handler = ok) -> Client:
    """The connection after all of it was sent, cut at the given sizes, and every deadline is over."""

    async def scene() -> Client:
        client, rest = Client(handler, limits), data
        for size in [*pieces, len(data)]:
            client.send(rest[:size])
            rest = rest[size:]
            await until(lambda: client.transport.reading)
        for _ in range(4):  # a refusal, and lingering after it
            client.wait(LONGEST_S)
        return client

    return asyncio.run(scene())


def final(client: Client) -> list[int]:
    """The statuses without 100, which depends on whether the body is there already."""
    return [status for status in client.statuses if status != 100]


@given(SENT, st.lists(st.integers(1, 50), max_size=5), st.sampled_from([LIMITS, SMALL]))
def test_every_connection_ends_answered_or_closed(data, pieces, limits):
    client = ends(data, pieces, limits)
    assert client.transport.lost
    assert all(status in {100, 200} or 400 <= status <= 505 for status in client.statuses)
    assert 500 not in client.statuses


@given(mutations(), st.lists(st.integers(1, 50), max_size=5))
def test_how_data_is_cut_does_not_change_the_answers(data, pieces):
    assert final(ends(data, pieces, LIMITS)) == final(ends(data, [], LIMITS))


@given(st.binary(max_size=200), st.integers(0, 20))
def test_a_body_of_known_size_is_never_read_as_a_request(body, more):
    seen: list[bytes] = []

    def note(operation: Operation, wire: WireRequest) -> WireResponse:
        seen.append(bytes(wire.body))
        return WireResponse(200)

    ends(post(b"Content-Length: %d" % len(body), body=body) * 2 + GET * more, [], LIMITS, note)
    assert seen == [body] * 2 + [b""] * more
