"""grpc.health.v1.Health follows the models."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.transports.grpc.health import Health
from dragoman.wire.messages import WireRequest
from tests.unit.transports.grpc.servers import Served, serving

SERVING, NOT_SERVING, UNKNOWN = (
    HealthCheckResponse.SERVING,
    HealthCheckResponse.NOT_SERVING,
    HealthCheckResponse.SERVICE_UNKNOWN,
)


def report(**states: State) -> StatusReport:
    return StatusReport(
        {name: ModelStatus(name, (VersionStatus(1, state),)) for name, state in states.items()}
    )


@asynccontextmanager
async def asked() -> AsyncIterator[tuple[Served, Any]]:
    async with serving() as served:
        yield served, HealthStub(served.channel)


async def check(stub: Any, service: str = "") -> int:
    return (await stub.Check(HealthCheckRequest(service=service))).status


@pytest.mark.parametrize("service", ["", "t.Test", "Test"])
def test_the_server_and_each_service_are_as_healthy_as_the_models(service: str) -> None:
    async def main() -> list[int]:
        async with asked() as (served, stub):
            found = [await check(stub, service)]
            for state in (State.LOADING, State.READY, State.FAILED):
                served.server.update(report(m=state))
                found.append(await check(stub, service))
            return found

    assert asyncio.run(main()) == [NOT_SERVING, NOT_SERVING, SERVING, NOT_SERVING]


def test_a_broken_model_does_not_take_the_good_ones_away() -> None:
    async def main() -> int:
        async with asked() as (served, stub):
            served.server.update(report(good=State.READY, broken=State.FAILED))
            return await check(stub)

    assert asyncio.run(main()) == SERVING


def test_an_unknown_service_is_not_found_and_watched_as_unknown() -> None:
    async def main() -> None:
        async with asked() as (_, stub):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await check(stub, "nope")
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND
            assert caught.value.details() == "there is no service 'nope'"
            watch = stub.Watch(HealthCheckRequest(service="nope"))
            assert (await watch.read()).status == UNKNOWN
            watch.cancel()

    asyncio.run(main())


def test_a_watch_tells_every_change_once_and_ends_with_the_server() -> None:
    async def main() -> list[int]:
        async with asked() as (served, stub):
            watch = stub.Watch(HealthCheckRequest(service="t.Test"))
            found = [(await watch.read()).status]
            for states in ([State.READY, State.READY], [State.LOADING], [State.READY]):
                for state in states:
                    served.server.update(report(m=state))
                found.append((await watch.read()).status)
            await served.server.drain(60)
            found.append((await watch.read()).status)
            assert await watch.read() is grpc.aio.EOF
            return found

    assert asyncio.run(main()) == [NOT_SERVING, SERVING, NOT_SERVING, SERVING, NOT_SERVING]


def test_a_server_that_drains_is_not_made_healthy_again() -> None:
    health = Health(["t.Test"])
    health.update(report(m=State.READY))
    health.close()
    health.update(report(m=State.READY))
    answer = health.check(WireRequest("POST", "/grpc.health.v1.Health/Check", "", [], b""))
    assert HealthCheckResponse.FromString(bytes(answer.body)).status == NOT_SERVING
