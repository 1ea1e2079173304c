"""Models that are loaded and unloaded by request while they are called: what has begun is answered.

The last two tests take 6 seconds, longer where the machine is slow; DRAGOMAN_FAULT_SECONDS=60 makes it a
minute each.
"""

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle
from pathlib import Path
from time import time
from typing import Any, Final, NamedTuple

import grpc.aio
import numpy as np
import pytest

from dragoman.wire.protobuf import message_classes
from tests.clients import my_models
from tests.faults.progress import PATIENCE_S, Progress
from tests.faults.test_hot_swap import half_plus, publish
from tests.server_process import Address, Addresses, serving

SECONDS: Final = float(os.environ.get("DRAGOMAN_FAULT_SECONDS", "6"))
CALLERS: Final = 6  # of each transport
X: Final = (1.0, 2.0, 5.0)
INFER: Final = "/inference.GRPCInferenceService/ModelInfer"
PROTOS: Final = message_classes("inference", ["ModelInferRequest", "ModelInferResponse"])
ROUNDS: Final = 300  # of the slow model: some hundred milliseconds
TOTAL: Final = [{"name": "total", "datatype": "FP32", "shape": [], "data": [256.0]}]

pytestmark = pytest.mark.faults


class Connection:
    """One connection over HTTP, kept open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, path: str, body: Any = None, method: str = "POST") -> None:
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n"
        self._writer.write(head.encode() + data)
        await self._writer.drain()

    async def answer(self) -> tuple[int, Any]:
        head = await self._reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(line for line in lines if line.startswith(b"content-length:")).partition(b":")[2]
        body = await self._reader.readexactly(int(length))
        return int(head.split()[1]), json.loads(body or b"null")

    async def ask(self, path: str, body: Any = None, method: str = "POST") -> tuple[int, Any]:
        await self.send(path, body, method)
        return await self.answer()


@asynccontextmanager
async def connected(address: Address) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


class Asked(NamedTuple):
    """A request: when it was sent and answered, and why it failed, if it did."""

    sent_s: float
    came_s: float
    failure: str


def rest_body() -> dict[str, Any]:
    return {"inputs": [{"name": "x", "shape": [len(X)], "datatype": "FP32", "data": X}]}


async def call_rest(address: Address, progress: Progress, asked: list[Asked]) -> None:
    """Ask again as soon as the answer is there, over one connection that must not break."""
    async with connected(address) as connection:
        while not progress.over:
            sent_s = time()
            status, body = await connection.ask("/v2/models/half/infer", rest_body())
            good = status == 200 and body["outputs"][0]["data"] == [x / 2 + 1 for x in X]
            asked.append(Asked(sent_s, time(), "" if good else f"{status} {body}"))
            progress.made()


async def call_grpc(address: Address, progress: Progress, asked: list[Asked]) -> None:
    """The same over gRPC."""
    message = PROTOS["ModelInferRequest"](model_name="half")
    message.inputs.add(name="x", datatype="FP32", shape=[len(X)])
    message.raw_input_contents.append(np.array(X, np.float32).tobytes())
    data, wanted = message.SerializeToString(), np.array([x / 2 + 1 for x in X], np.float32).tobytes()
    async with grpc.aio.insecure_channel(f"{address.host}:{address.port}") as channel:
        infer = channel.unary_unary(INFER)
        while not progress.over:
            sent_s = time()
            try:
                answer = PROTOS["ModelInferResponse"].FromString(await infer(data, timeout=30))
                failure = "" if answer.raw_output_contents[0] == wanted else str(answer)
            except grpc.aio.AioRpcError as error:
                failure = f"{error.code().name} {error.details()}"
            asked.append(Asked(sent_s, time(), failure))
            progress.made()


async def under_traffic(
    addresses: Addresses, control: Callable[[Connection, float], Awaitable[None]]
) -> list[Asked]:
    """What became of the requests that were sent while somebody else was in control, and just afterwards."""
    end_s, asked, progress = time() + SECONDS, list[Asked](), Progress()

    async def controlled(connection: Connection) -> None:
        await control(connection, end_s - 1)
        so_far = len(asked)
        await progress.until(lambda: len(asked) > so_far + 2 * CALLERS and time() >= end_s)
        progress.over = True

    async with asyncio.timeout(SECONDS + PATIENCE_S), connected(addresses.http) as connection:
        await asyncio.gather(
            controlled(connection),
            *(call_rest(addresses.http, progress, asked) for _ in range(CALLERS)),
            *(call_grpc(addresses.grpc, progress, asked) for _ in range(CALLERS)),
        )
    return asked


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DRAGOMAN_FAULT_SECONDS", raising=False)  # a server takes it for a setting of its own
    folder = tmp_path / "models"
    asyncio.run(publish(folder, 1, half_plus(1, weights=100_000)))
    my_models.save(my_models.slow(), folder, "slow")
    return folder


def test_requests_in_flight_are_answered_by_a_model_that_is_unloaded(models: Path) -> None:
    body = {"inputs": [{"name": "rounds", "shape": [1], "datatype": "INT64", "data": [ROUNDS]}]}

    async def story(address: Address) -> None:
        async with AsyncExitStack() as stack:
            operator, *connections = [await stack.enter_async_context(connected(address)) for _ in range(9)]
            for connection in connections:  # which the server has accepted then
                await connection.ask("/v2/health/live", method="GET")
            for connection in connections:
                await connection.send("/v2/models/slow/infer", body)
            # The server has read them all when it answers this, which came after them.
            await operator.ask("/v2/health/live", method="GET")
            assert (await operator.ask("/v2/repository/models/slow/unload"))[0] == 200
            assert (await operator.ask("/v2/models/slow/infer", body))[0] == 503
            assert (await operator.ask("/v2/models/slow/ready", method="GET"))[0] == 503
            answers = await asyncio.gather(*(connection.answer() for connection in connections))
            assert [(status, body.get("outputs")) for status, body in answers] == [(200, TOTAL)] * 8, answers
            assert (await operator.ask("/v2/repository/models/slow/unload"))[0] == 200
            _, index = await operator.ask("/v2/repository/index")
            (entry,) = [entry for entry in index if entry["name"] == "slow"]
            assert (entry["state"], entry["reason"]) == ("UNAVAILABLE", "unloaded")

    with serving([str(models)], models.parent / "log") as addresses:
        asyncio.run(story(addresses.http))


def test_no_request_fails_while_a_model_is_loaded_again_and_again(models: Path) -> None:
    content = base64.b64encode(half_plus(1, weights=100_000)).decode()
    wrong = {"input": [{"name": "nope", "data_type": "TYPE_FP32", "dims": [-1]}]}
    loads = [
        ({"config": json.dumps({"max_batch_size": 16})}, 200),
        ({"config": json.dumps(wrong)}, 400),
        ({"config": "{}", "file:1/model.onnx": content}, 200),
        ({"config": "{}", "file:1/model.onnx": "AAAA"}, 400),
        ({"config": json.dumps({"max_batch_size": 8, "dynamic_batching": {}})}, 200),
        ({}, 200),
    ]
    done = 0

    async def control(connection: Connection, end_s: float) -> None:
        nonlocal done
        for parameters, expected in cycle(loads):
            status, body = await connection.ask("/v2/repository/models/half/load", {"parameters": parameters})
            assert status == expected, body
            done += 1
            if time() > end_s and done >= len(loads):
                return

    with serving([str(models)], models.parent / "log") as addresses:
        asked = asyncio.run(under_traffic(addresses, control))
    print(f"\n{len(asked)} answers, {done} loads")
    assert [one.failure for one in asked if one.failure] == []


def test_only_what_is_sent_while_a_model_is_not_there_is_refused(models: Path) -> None:
    gaps: list[tuple[float, float]] = []  # from when the model may be gone, until it must be there again

    async def control(connection: Connection, end_s: float) -> None:
        while not gaps or time() < end_s:
            began_s = time()
            for verb in ("unload", "load"):
                status, body = await connection.ask(f"/v2/repository/models/half/{verb}")
                assert status == 200, body
            gaps.append((began_s, time()))
            await asyncio.sleep(0.05)

    with serving([str(models)], models.parent / "log") as addresses:
        asked = asyncio.run(under_traffic(addresses, control))
    failed = [one for one in asked if one.failure]
    print(f"\n{len(asked)} answers, {len(failed)} of them refused in {len(gaps)} gaps")
    assert {one.failure.split()[0] for one in failed} <= {"503", "UNAVAILABLE"}
    for one in failed:
        assert any(one.sent_s <= until_s and one.came_s >= since_s for since_s, until_s in gaps), one
    assert len(failed) < len(asked)
