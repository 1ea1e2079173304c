"""Versions that replace each other under load: no request fails, each answer is from a version that served.

It takes 6 seconds with a new version every second, longer where the machine is slow.
DRAGOMAN_FAULT_SECONDS=60 makes it the full minute, with one every 2 seconds. Memory is judged from
20 versions on: fewer say little about what is left behind.
"""

import asyncio
import json
import os
import statistics
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from time import time
from typing import Any, Final

import grpc
import grpc.aio
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dragoman.cli.port_owner import port_owner
from dragoman.wire.protobuf import message_classes
from tests.faults.progress import PATIENCE_S, Progress
from tests.server_process import Address, Addresses, serving

SECONDS: Final = float(os.environ.get("DRAGOMAN_FAULT_SECONDS", "6"))
SWAP_EVERY_S: Final = min(2.0, SECONDS / 6)
SWAPS: Final = round(SECONDS / SWAP_EVERY_S) - 1
REST_CALLERS: Final = 8
GRPC_CALLERS: Final = 8
WEIGHTS: Final = 5_000_000  # float32: 20 MB a version
SETTINGS: Final = "repository: models\npolling: {poll_s: 0.1, settle_s: 0.2}\n"
PREDICT: Final = "/tensorflow.serving.PredictionService/Predict"
PROTOS: Final = message_classes("tensorflow.serving", ["PredictRequest", "PredictResponse"])
X: Final = (1.0, 2.0, 5.0)
ENOUGH_VERSIONS: Final = 20
GROWTH: Final = 1.1

pytestmark = pytest.mark.faults


class Answer:
    """When a request was sent and answered, and by which version."""

    def __init__(self, sent_s: float, version: float) -> None:
        self.sent_s = sent_s
        self.came_s = time()
        self.version = version


class Tally:
    """What became of the requests of one protocol."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.failures: list[str] = []

    def has(self, version: int) -> bool:
        """Whether the last answer is this version's. A failure is no reason to wait on."""
        return bool(self.failures) or (bool(self.answers) and self.answers[-1].version == version)


def half_plus(version: int, weights: int = WEIGHTS) -> bytes:
    """y = x / 2 + version, where the version is looked up in a large table that is full of it."""
    table = np.full(weights, version, np.float32)
    nodes = [
        helper.make_node("Mul", ["x", "half"], ["halved"]),
        helper.make_node("Mul", ["x", "nothing"], ["zeros"]),
        helper.make_node("Cast", ["zeros"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "index"], ["offset"]),
        helper.make_node("Add", ["halved", "offset"], ["y"]),
    ]
    constants = {"half": np.float32(0.5), "nothing": np.float32(0), "table": table}
    graph = helper.make_graph(
        nodes,
        "half_plus",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data: bytes = model.SerializeToString()
    return data


async def publish(models: Path, version: int, model: bytes) -> None:
    """Copy a version as slow tools do: the folder, then the file in two pieces under its own name."""
    folder = models / "half" / str(version)
    folder.mkdir(parents=True)
    half = len(model) // 2
    with (folder / "model.onnx").open("wb") as file:
        file.write(model[:half])
        file.flush()
        await asyncio.sleep(0.05)
        file.write(model[half:])


def version_of(values: Sequence[float]) -> float:
    """The version whose answer this is.

    Errors: ValueError where it is none's.
    """
    versions = {value - x / 2 for value, x in zip(values, X, strict=True)}
    if len(versions) != 1:
        raise ValueError(f"{values} is the answer of no version")
    return versions.pop()


async def call_rest(address: Address, progress: Progress, tally: Tally) -> None:
    """One connection that asks again as soon as it has its answer."""
    body = json.dumps({"instances": X}).encode()
    head = f"POST /v1/models/half:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    reader, writer = await asyncio.open_connection(address.host, address.port)
    while not progress.over:
        sent_s = time()
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        text = await reader.readexactly(int(length.partition(b":")[2]))
        if answer.startswith(b"HTTP/1.1 200 "):
            tally.answers.append(Answer(sent_s, version_of(json.loads(text)["predictions"])))
        else:
            tally.failures.append(text.decode())
        progress.made()
    writer.close()
    await writer.wait_closed()


async def call_grpc(address: Address, progress: Progress, tally: Tally) -> None:
    """The same over gRPC."""
    request = PROTOS["PredictRequest"](model_spec={"name": "half"})
    tensor = {"dtype": 1, "tensor_shape": {"dim": [{"size": len(X)}]}, "float_val": X}
    request.inputs["x"].CopyFrom(type(request.inputs["x"])(**tensor))
    message = request.SerializeToString()
    async with grpc.aio.insecure_channel(f"{address.host}:{address.port}") as channel:
        predict = channel.unary_unary(PREDICT)
        while not progress.over:
            sent_s = time()
            try:
                answer = PROTOS["PredictResponse"].FromString(await predict(message, timeout=30))
            except grpc.aio.AioRpcError as error:
                tally.failures.append(str(error.details()))
            else:
                tally.answers.append(Answer(sent_s, version_of(answer.outputs["y"].float_val)))
            progress.made()


async def swap(models: Path, pid: int, progress: Progress, tallies: Sequence[Tally]) -> list[int]:
    """Publish one version after the other, each when the last has answered over every protocol.

    What the server weighs in the middle of each one's time.
    """
    weights = []
    await answered(1, progress, tallies)
    for version in range(2, SWAPS + 2):
        model = await asyncio.to_thread(half_plus, version)
        await publish(models, version, model)
        await asyncio.sleep(SWAP_EVERY_S)
        await answered(version, progress, tallies)
        weights.append(resident_bytes(pid))
    progress.over = True
    return weights


async def answered(version: int, progress: Progress, tallies: Sequence[Tally]) -> None:
    """Wait until a version answers over every protocol."""
    await progress.until(lambda: all(tally.has(version) for tally in tallies))


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def served(log: Path) -> Mapping[float, tuple[float, float]]:
    """From when to when each version served, by the server's log."""
    times: dict[float, dict[str, float]] = {}
    for line in log.read_text().splitlines():
        entry: dict[str, Any] = json.loads(line) if line.startswith("{") else {}
        if entry.get("event") == "version":
            at_s = datetime.fromisoformat(entry["timestamp"]).timestamp()
            times.setdefault(entry["version"], {})[entry["state"]] = at_s
    return {
        version: (states["ready"], states.get("quiescing", float("inf")))
        for version, states in times.items()
        if "ready" in states
    }


async def play(addresses: Addresses, models: Path, pid: int, rest: Tally, grpcs: Tally) -> list[int]:
    progress = Progress()
    async with asyncio.timeout(SECONDS + PATIENCE_S):
        weights, *_ = await asyncio.gather(
            swap(models, pid, progress, (rest, grpcs)),
            *(call_rest(addresses.http, progress, rest) for _ in range(REST_CALLERS)),
            *(call_grpc(addresses.grpc, progress, grpcs) for _ in range(GRPC_CALLERS)),
        )
    return weights


def test_no_request_fails_while_versions_replace_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DRAGOMAN_FAULT_SECONDS", raising=False)  # a server takes it for a setting of its own
    models, log, settings = tmp_path / "models", tmp_path / "log", tmp_path / "dragoman.yaml"
    asyncio.run(publish(models, 1, half_plus(1)))
    settings.write_text(SETTINGS)
    rest, grpcs = Tally(), Tally()
    with serving([str(settings), "--log-level", "debug", "--log-format", "json"], log) as addresses:
        owner = port_owner(addresses.http.port)
        assert owner is not None
        weights = asyncio.run(play(addresses, models, owner.pid, rest, grpcs))
    spans = served(log)
    seen = sorted({answer.version for answer in (*rest.answers, *grpcs.answers)})
    print(f"\n{len(rest.answers)} REST and {len(grpcs.answers)} gRPC answers by versions {seen}")
    print(f"MB after each swap: {[weight // 10**6 for weight in weights]}")
    assert rest.failures == []
    assert grpcs.failures == []
    assert seen == list(range(1, len(weights) + 2))
    for answer in (*rest.answers, *grpcs.answers):
        ready_s, quiescing_s = spans[answer.version]
        assert answer.sent_s <= quiescing_s
        assert answer.came_s >= ready_s
    if len(weights) >= ENOUGH_VERSIONS:
        third = len(weights) // 3
        assert statistics.median(weights[-third:]) <= GROWTH * statistics.median(weights[:third])


def test_the_models_bytes_are_a_model() -> None:
    onnx.checker.check_model(onnx.load_from_string(half_plus(3)))
