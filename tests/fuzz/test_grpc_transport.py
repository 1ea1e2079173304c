"""Whatever frames arrive, the transport answers or hangs up; it never raises, and others are served."""

import asyncio
from contextlib import ExitStack
from typing import Final
from unittest.mock import Mock, patch

from hypothesis import given
from hypothesis import strategies as st

from dragoman.settings.limits import Limits
from dragoman.transports.grpc.http2.frames import PREFACE, frame, settings
from dragoman.transports.grpc.http2.hpack import encoded
from dragoman.wire.messages import WireRequest, WireResponse
from tests.unit.transports.grpc.http2.test_faults import CONNECTION, STREAM
from tests.unit.transports.grpc.http2.wire import HEAD, connected, message
from tests.unit.transports.grpc.servers import Parts, serving

PATHS: Final = (b"/t.Test/Plain", b"/t.Test/Parts", b"/t.Test/Duplex", b"/t.Test/Nope")
BLOCKS: Final = [encoded(list({**HEAD, b":path": path}.items())) for path in PATHS]
PAYLOADS: Final = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(BLOCKS),
    st.binary(max_size=30).map(message),
    st.integers(0, 2**32 - 1).map(lambda number: number.to_bytes(4, "big")),
    st.just(bytes(8)),
)
FRAMES: Final = st.builds(
    frame, st.integers(0, 10), st.sampled_from([0, 1, 4, 5, 8, 0x20, 0x2D, 0xFF]), st.integers(0, 9), PAYLOADS
)
SHORT: Final = [sent for sent, _ in (*CONNECTION.values(), *STREAM.values()) if len(sent) < 1000]


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """Frames of the table with a few bytes replaced, cut or put in."""
    data = draw(st.sampled_from(SHORT))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + 8)))
        data = data[:start] + draw(st.binary(max_size=4)) + data[stop:]
    return data


SENT: Final = st.one_of(st.lists(FRAMES, max_size=12).map(b"".join), mutations())


def answer(wire: WireRequest) -> WireResponse:
    if wire.path == "/t.Test/Parts":
        return WireResponse(0, stream=Parts(bytes(wire.body), b"more"))
    return WireResponse(0, wire.body)


@given(SENT, st.lists(st.integers(1, 60), max_size=5))
def test_every_connection_goes_on_or_ends_and_others_are_served(sent: bytes, pieces: list[int]) -> None:
    async def main() -> None:
        async with serving(answer, Limits()) as served, connected(served) as other:
            async with connected(served, PREFACE + settings({})) as wire:
                rest = sent
                for size in [*pieces, len(sent)]:
                    wire.send(rest[:size])
                    rest = rest[size:]
                    await other.alive()
            assert await other.call(1) == b"x"

    log = Mock()
    with ExitStack() as stack:
        for module in ("calls", "sending", "http2.connection"):
            stack.enter_context(patch(f"dragoman.transports.grpc.{module}.LOG", log))
        asyncio.run(main())
    assert log.mock_calls == []
