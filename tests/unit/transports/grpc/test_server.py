"""The server, asked by a real gRPC client."""

import asyncio
import socket
from time import monotonic
from typing import Any

import grpc
import pytest
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from dragoman.protocols.tfs import PROTOCOL
from dragoman.settings.limits import Limits
from dragoman.transports.grpc.router import GrpcRouter
from dragoman.transports.grpc.server import GrpcServer
from dragoman.wire.messages import WireRequest, WireResponse
from tests.unit.transports.grpc.servers import Parts, Served, echo, serving, unused

pytestmark = pytest.mark.usefixtures("crowd")


async def failure(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


def test_a_message_is_answered_with_a_message() -> None:
    async def main() -> None:
        async with serving() as served:
            assert await served.plain(b"hello") == b"hello"

    asyncio.run(main())


def test_a_request_tells_its_method_its_metadata_and_its_peer() -> None:
    seen: list[WireRequest] = []

    def remember(wire: WireRequest) -> WireResponse:
        seen.append(wire)
        return WireResponse(0)

    async def main() -> None:
        async with serving(remember) as served:
            await served.plain(b"", metadata=(("x-request-id", "mine"), ("raw-bin", b"\xff")))

    asyncio.run(main())
    (wire,) = seen
    assert (wire.method, wire.path) == ("POST", "/t.Test/Plain")
    assert wire.header(b"x-request-id") == b"mine"
    assert wire.header(b"raw-bin") == b"\xff"
    assert wire.peer.startswith("127.0.0.1:")
    assert wire.deadline_s is None


def test_the_clients_deadline_is_the_requests() -> None:
    seen: list[float | None] = []

    def remember(wire: WireRequest) -> WireResponse:
        seen.append(wire.deadline_s)
        return WireResponse(0)

    async def main() -> tuple[float, float]:
        async with serving(remember) as served:
            before = monotonic()
            await served.plain(b"", timeout=500)
            return before, monotonic()

    before, after = asyncio.run(main())
    assert seen[0] is not None
    assert before + 499 < seen[0] < after + 501


def test_an_answer_may_come_later() -> None:
    async def main() -> None:
        release = asyncio.Event()

        async def answer(wire: WireRequest) -> WireResponse:
            await release.wait()
            return WireResponse(0, wire.body)

        async with serving(answer) as served:
            call = served.plain(b"later")
            release.set()
            assert await call == b"later"

    asyncio.run(main())


def test_an_error_is_a_status_with_its_message_and_the_answers_headers_are_trailers() -> None:
    def refuse(_: WireRequest) -> WireResponse:
        return WireResponse(9, headers=[(b"X-Request-Id", b"7")], message="not now: ä")

    async def main() -> None:
        async with serving(refuse) as served:
            for call in (served.plain(b""), first(served.parts(b"")), first(served.duplex(iter([b""])))):
                error = await failure(call)
                assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
                assert error.details() == "not now: ä"
                assert ("x-request-id", "7") in list(error.trailing_metadata())

    asyncio.run(main())


async def first(stream: Any) -> Any:
    return await stream.read()


def test_a_message_of_a_megabyte_of_text_is_cut_off() -> None:
    async def main() -> None:
        async with serving(lambda _: WireResponse(3, message="x" * 1_000_000)) as served:
            error = await failure(served.plain(b""))
            assert error.details() == "x" * 1024 + "...TRUNCATED"

    asyncio.run(main())


def test_an_unknown_method_is_unimplemented_and_told_what_there_is() -> None:
    async def main() -> None:
        async with serving() as served:
            for path in ("/t.Test/Nope", "/t.Other/Plain"):
                unary: Any = served.channel.unary_unary(path)
                streaming: Any = served.channel.stream_stream(path)
                for call in (unary(b""), first(streaming())):
                    error = await failure(call)
                    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
                    assert error.details() == f"there is no method {path}; the services here are t.Test"

    asyncio.run(main())


def test_a_message_beyond_the_limit_is_refused() -> None:
    async def main() -> None:
        async with serving(limits=Limits(body_bytes=1000)) as served:
            assert await served.plain(bytes(1000)) == bytes(1000)
            error = await failure(served.plain(bytes(1001)))
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED

    asyncio.run(main())


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_messages_may_be_compressed_and_the_limit_counts_what_they_inflate_to(
    compression: grpc.Compression,
) -> None:
    async def main() -> None:
        async with serving(limits=Limits(body_bytes=1000)) as served:
            assert await served.plain(bytes(1000), compression=compression) == bytes(1000)
            error = await failure(served.plain(bytes(1_000_000), compression=compression))
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED

    asyncio.run(main())


def test_an_answer_may_be_larger_than_a_request() -> None:
    async def main() -> None:
        async with serving(lambda _: WireResponse(0, bytes(3000)), Limits(body_bytes=1000)) as served:
            assert await served.plain(b"") == bytes(3000)

    asyncio.run(main())


@pytest.mark.parametrize("how", ["cancel", "deadline"])
def test_a_client_that_gives_up_cancels_what_is_awaited(how: str) -> None:
    async def main() -> None:
        begun, cancelled = asyncio.Event(), asyncio.Event()

        async def never(_: WireRequest) -> WireResponse:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise
            raise AssertionError

        async with serving(never) as served:
            await served.channel.channel_ready()
            call = served.plain(b"", timeout=None if how == "cancel" else 2.0)  # by then it has begun
            await begun.wait()
            if how == "cancel":
                call.cancel()
            await cancelled.wait()
            expected = grpc.StatusCode.CANCELLED if how == "cancel" else grpc.StatusCode.DEADLINE_EXCEEDED
            assert await call.code() is expected

    asyncio.run(main())


def test_an_answer_in_parts_is_written_part_by_part_and_given_back() -> None:
    async def main() -> None:
        parts = Parts(b"one", b"", b"three")
        async with serving(lambda _: WireResponse(0, stream=parts)) as served:
            assert [part async for part in served.parts(b"")] == [b"one", b"", b"three"]
            await parts.closed.wait()

    asyncio.run(main())


def test_an_answer_in_parts_that_fails_midway_ends_with_the_status() -> None:
    async def main() -> None:
        parts = Parts(b"one", ending=WireResponse(13, message="it broke"))
        async with serving(lambda _: WireResponse(0, stream=parts)) as served:
            call = served.parts(b"")
            assert await call.read() == b"one"
            error = await failure(call.read())
            assert (error.code(), error.details()) == (grpc.StatusCode.INTERNAL, "it broke")
            assert parts.closed.is_set()

    asyncio.run(main())


@pytest.mark.parametrize("later", [False, True])
def test_a_whole_answer_is_one_part(later: bool) -> None:
    async def answer(wire: WireRequest) -> WireResponse:
        return echo(wire)

    async def main() -> None:
        async with serving(answer if later else echo) as served:
            assert [part async for part in served.parts(b"all")] == [b"all"]

    asyncio.run(main())


def test_an_answer_in_parts_is_given_back_when_its_reader_goes() -> None:
    async def main() -> None:
        parts = Parts(b"one", then=asyncio.Event())
        async with serving(lambda _: WireResponse(0, stream=parts)) as served:
            call = served.parts(b"")
            assert await call.read() == b"one"
            call.cancel()
            await parts.closed.wait()

    asyncio.run(main())


def test_messages_go_both_ways_on_one_stream() -> None:
    async def main() -> None:
        async with serving() as served:
            call = served.duplex()
            for message in (b"a", b"b"):
                await call.write(message)
                assert await call.read() == message
            await call.done_writing()
            assert await call.read() is grpc.aio.EOF
            assert await call.code() is grpc.StatusCode.OK

    asyncio.run(main())


def test_a_drain_finishes_calls_in_flight_and_takes_no_more() -> None:
    async def main() -> None:
        begun, release = asyncio.Event(), asyncio.Event()

        async def answer(_: WireRequest) -> WireResponse:
            begun.set()
            await release.wait()
            return WireResponse(0, b"done")

        async with serving(answer) as served:
            call = served.plain(b"")
            await begun.wait()
            drain = asyncio.ensure_future(served.server.drain(60))
            await refused(served)
            release.set()
            assert await call == b"done"
            await drain

    asyncio.run(main())


async def refused(served: Served) -> None:
    """Wait until new connections are refused."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{served.port}") as channel:
        other: Any = channel.unary_unary("/t.Test/Nope")
        code = None
        while code is not grpc.StatusCode.UNAVAILABLE:
            code = (await failure(other(b""))).code()


def test_a_drain_ends_a_stream_that_waits_for_messages_once_it_has_answered() -> None:
    async def main() -> None:
        begun, release = asyncio.Event(), asyncio.Event()

        async def answer(wire: WireRequest) -> WireResponse:
            if wire.body == b"slow":
                begun.set()
                await release.wait()
            return echo(wire)

        async with serving(answer) as served:
            idle, busy = served.duplex(), served.duplex()
            await idle.write(b"a")
            assert await idle.read() == b"a"
            await busy.write(b"slow")
            await begun.wait()
            drain = asyncio.ensure_future(served.server.drain(60))
            error = await failure(idle.read())
            assert (error.code(), error.details()) == (
                grpc.StatusCode.UNAVAILABLE,
                "the server is shutting down",
            )
            release.set()
            assert await busy.read() == b"slow"
            await drain

    asyncio.run(main())


def test_a_drain_cancels_what_does_not_end_in_time() -> None:
    async def main() -> None:
        begun = asyncio.Event()

        async def never(_: WireRequest) -> WireResponse:
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError

        async with serving(never) as served:
            call = served.plain(b"")
            await begun.wait()
            await served.server.drain(0)
            error = await failure(call)
            assert error.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)

    asyncio.run(main())


def test_a_port_in_use_is_an_error_of_the_system() -> None:
    async def main() -> None:
        async with serving() as served:
            other = GrpcServer(GrpcRouter([], "superset"), unused, unused, Limits())
            with pytest.raises(OSError, match="in use"):
                await other.start("127.0.0.1", served.port)

    asyncio.run(main())


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_an_address_of_ipv6_is_listened_on() -> None:
    async def main() -> None:
        server = GrpcServer(GrpcRouter([], "superset"), unused, unused, Limits())
        try:
            assert await server.start("::1", 0) > 0
        finally:
            await server.drain(0)

    asyncio.run(main())


def test_a_server_that_never_started_drains_at_once() -> None:
    asyncio.run(GrpcServer(GrpcRouter([], "superset"), unused, unused, Limits()).drain(60))


def test_reflection_describes_every_service_and_its_messages() -> None:
    def describe(port: int) -> tuple[list[str], list[str]]:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            file = database.FindFileContainingSymbol("tensorflow.serving.PredictRequest")
            return database.get_services(), [message.name for message in file.message_type]

    async def main() -> tuple[list[str], list[str]]:
        server = GrpcServer(GrpcRouter([PROTOCOL], "superset"), unused, unused, Limits())
        port = await server.start("127.0.0.1", 0)
        try:
            return await asyncio.to_thread(describe, port)
        finally:
            await server.drain(0)

    services, messages = asyncio.run(main())
    assert services == [
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
        "tensorflow.serving.ModelService",
        "tensorflow.serving.PredictionService",
    ]
    assert messages == ["PredictRequest", "PredictStreamedOptions", "PredictResponse"]


def test_answers_are_bytes_whatever_the_codec_made() -> None:
    async def main() -> None:
        async with serving(lambda wire: WireResponse(0, memoryview(echo(wire).body))) as served:
            assert await served.plain(b"view") == b"view"

    asyncio.run(main())
