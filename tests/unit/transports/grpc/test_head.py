"""What a call's head may say, and what is answered where it says something else."""

import asyncio
from typing import Final

import pytest

from dragoman.transports.grpc.head import seconds
from dragoman.transports.grpc.http2.frames import END_HEADERS, END_STREAM, HEADERS, frame
from dragoman.transports.grpc.http2.hpack import encoded
from dragoman.wire.messages import WireRequest, WireResponse
from tests.unit.transports.grpc.http2.wire import HEAD, data, head, message, wired

# What of the head is other than usual, and the HTTP status, gRPC status and words that answer it.
REFUSED: Final = {
    "GET": ({b":method": b"GET"}, b"405", b"13", b"gRPC is sent with POST, not GET"),
    "no content-type": (
        {b"content-type": b""}, b"415", b"13", b"the content-type of gRPC is application/grpc, not ''",
    ),
    "JSON": (
        {b"content-type": b"application/json"}, b"415", b"13",
        b"the content-type of gRPC is application/grpc, not 'application/json'",
    ),
    "gRPC-Web": (
        {b"content-type": b"application/grpc-web"}, b"415", b"13",
        b"the content-type of gRPC is application/grpc, not 'application/grpc-web'",
    ),
    "an unknown method": (
        {b":path": b"/t.Test/N\xc3\xb6pe"}, b"200", b"12",
        b"there is no method /t.Test/N%C3%83%C2%B6pe; the services here are t.Test",
    ),
    "an unknown encoding": (
        {b"grpc-encoding": b"br"}, b"200", b"12", b"grpc-encoding 'br': there are identity,gzip,deflate",
    ),
    "a time that is none": (
        {b"grpc-timeout": b"1s"}, b"200", b"13",
        b"grpc-timeout '1s': it is up to 8 digits and one of H, M, S, m, u, n",
    ),
    "bytes that are no base64": ({b"raw-bin": b"a$"}, b"200", b"13", b"the metadata raw-bin are no base64"),
}  # fmt: skip


@pytest.mark.parametrize(("other", "http", "status", "words"), REFUSED.values(), ids=REFUSED)
def test_a_head_that_is_no_call_is_answered_at_once(
    other: dict[bytes, bytes], http: bytes, status: bytes, words: bytes
) -> None:
    async def main() -> None:
        async with wired() as wire:
            fields = [(name, value) for name, value in {**HEAD, **other}.items() if value]
            wire.send(frame(HEADERS, END_HEADERS, 1, encoded(fields)))
            told = await wire.status()
            assert len(wire.blocks[1]) == 1
            assert told[b":status"] == http
            assert (told[b"grpc-status"], told[b"grpc-message"]) == (status, words)
            assert (b"grpc-accept-encoding" in told) == (b"grpc-encoding" in other)
            assert await wire.call(3) == b"x"

    asyncio.run(main())


TAKEN: Final = {
    "a format of messages": {b"content-type": b"application/grpc+proto"},
    "a parameter": {b"content-type": b"application/grpc;charset=utf-8"},
    "upper case": {b"content-type": b"Application/gRPC"},
    "no te": {b"te": b""},
    "no compression, by name": {b"grpc-encoding": b"identity"},
    "an authority": {b":authority": b"localhost:8001"},
}


@pytest.mark.parametrize("other", TAKEN.values(), ids=TAKEN)
def test_a_head_in_another_form_is_a_call(other: dict[bytes, bytes]) -> None:
    async def main() -> None:
        async with wired() as wire:
            all_fields = {
                **{name: value for name, value in other.items() if name[:1] == b":"},
                **HEAD,
                **other,
            }
            fields = [(name, value) for name, value in all_fields.items() if value]
            wire.send(frame(HEADERS, END_HEADERS, 1, encoded(fields)), data(1, message(b"a")))
            assert (await wire.status())[b"grpc-status"] == b"0"

    asyncio.run(main())


def test_metadata_are_all_that_is_not_grpcs_own() -> None:
    seen: list[WireRequest] = []

    def remember(wire: WireRequest) -> WireResponse:
        seen.append(wire)
        return WireResponse(0, headers=[(b"X-Id", b"7"), (b"Raw-Bin", b"\xff\xfe")])

    async def main() -> None:
        async with wired(remember) as wire:
            wire.send(
                head(1, grpc_timeout=b"1H", user_agent=b"me", raw_bin=b"//4,YQ==", many=b"a,b"),
                data(1, message(b"")),
            )
            told = await wire.status()
            assert (told[b"x-id"], told[b"raw-bin"]) == (b"7", b"//4")

    asyncio.run(main())
    assert seen[0].headers == [
        (b"user-agent", b"me"), (b"raw-bin", b"\xff\xfe"), (b"raw-bin", b"a"), (b"many", b"a,b"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("timeout", "expected"),
    [(b"1H", 3600), (b"2M", 120), (b"99999999S", 99_999_999), (b"1m", 1e-3), (b"1u", 1e-6), (b"0n", 0)],
)
def test_times_have_six_units(timeout: bytes, expected: float) -> None:
    assert seconds(timeout) == expected


INSIDE: Final = b"the call ended inside a message"
# What a client sends of a call that takes one message, and the status and words that answer it.
MESSAGES: Final = {
    "none": (head(1, END_HEADERS | END_STREAM), b"13", b"the call ended without a message"),
    "none, told later": (head(1) + data(1, b""), b"13", b"the call ended without a message"),
    "one that is cut off": (head(1) + data(1, message(b"abc")[:7]), b"13", INSIDE),
    "a prefix that is cut off": (head(1) + data(1, b"\0\0"), b"13", INSIDE),
    "an unknown flag": (
        head(1) + data(1, message(b"abc", 2)), b"13",
        b"a message's first byte is 2; it is 0, or 1 where it is compressed",
    ),
    "compressed in no way": (
        head(1) + data(1, message(b"abc", 1)), b"13",
        b"a message says that it is compressed, and grpc-encoding does not say how",
    ),
    "no gzip": (
        head(1, grpc_encoding=b"gzip") + data(1, message(b"abc", 1)), b"13", b"a message is no valid gzip",
    ),
    "half a gzip": (
        head(1, grpc_encoding=b"gzip") + data(1, message(b"\x1f\x8b\x08\0\0\0\0\0\0\x03", 1)), b"13",
        b"a message is no whole gzip",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "status", "words"), MESSAGES.values(), ids=MESSAGES)
def test_messages_that_are_none_are_refused(sent: bytes, status: bytes, words: bytes) -> None:
    async def main() -> None:
        async with wired() as wire:
            wire.send(sent)
            told = await wire.status()
            assert (told[b"grpc-status"], told[b"grpc-message"]) == (status, words)
            assert await wire.call(3) == b"x"

    asyncio.run(main())


def test_a_message_may_come_in_any_frames_and_trailers_may_end_it() -> None:
    async def main() -> None:
        async with wired() as wire:
            whole = message(b"hello")
            wire.send(head(1), *(data(1, whole[at : at + 1], 0) for at in range(len(whole))))
            wire.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, encoded([(b"x-sum", b"1")])))
            assert (await wire.status())[b"grpc-status"] == b"0"
            assert wire.messages[1] == whole

    asyncio.run(main())


def test_a_second_message_of_a_call_that_takes_one_is_not_looked_at() -> None:
    async def main() -> None:
        async with wired() as wire:
            wire.send(head(1), data(1, message(b"first") + message(b"second")))
            await wire.status()
            assert wire.messages[1] == message(b"first")

    asyncio.run(main())


def test_an_answer_whose_headers_cannot_be_sent_is_a_failure() -> None:
    async def main() -> None:
        for bad in ((b"x", b"a\nb"), (b"x y", b""), (b"x", "ä".encode()), (b"x", b"y" * 20_000)):
            async with wired(lambda _, bad=bad: WireResponse(0, b"ok", headers=[bad])) as wire:
                wire.send(head(1), data(1, message(b"")))
                assert (await wire.status())[b"grpc-status"] == b"13"

    asyncio.run(main())


def test_an_answer_with_many_headers_is_sent_whole() -> None:
    async def main() -> None:
        headers = [(b"x-%d" % number, b"y" * 100) for number in range(20)]
        async with wired(lambda _: WireResponse(0, b"ok", headers=headers)) as wire:
            wire.send(head(1), data(1, message(b"")))
            told = await wire.status()
            assert (told[b"grpc-status"], told[b"x-19"]) == (b"0", b"y" * 100)

    asyncio.run(main())


@pytest.mark.parametrize("later", [False, True])
def test_a_handler_that_breaks_is_an_internal_error_without_its_words(later: bool) -> None:
    async def breaks_later(_: WireRequest) -> WireResponse:
        raise RuntimeError("secret")

    def breaks(_: WireRequest) -> WireResponse:
        raise RuntimeError("secret")

    async def main() -> None:
        async with wired(breaks_later if later else breaks) as wire:
            for path in (b"/t.Test/Plain", b"/t.Test/Parts", b"/t.Test/Duplex"):
                stream = wire.next_stream
                wire.send(head(stream, path=path), data(stream, message(b"")))
                told = await wire.status(stream)
                assert told[b"grpc-status"] == b"13"
                assert told[b"grpc-message"] == b"the server failed to answer; its log says why"

    asyncio.run(main())
