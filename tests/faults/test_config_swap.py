"""OpenVINO Model Server's config.json changed under load, again and again: no request fails.

Each change has the model loaded anew from another folder under the same version, with another number of infer
requests, and so the pipeline that calls it; every other one adds a further model or takes it away. Before
each change the file is half-written for a moment, which a reload refuses.

It takes 6 seconds with a change every second, longer where the machine is slow; DRAGOMAN_FAULT_SECONDS=60
makes it the full minute.
"""

import asyncio
import http.client
import json
import os
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio
import pytest

from tests.faults.progress import PATIENCE_S, Progress
from tests.faults.test_hot_swap import PREDICT, PROTOS, half_plus
from tests.server_process import Address, Addresses, serving

SECONDS: Final = float(os.environ.get("DRAGOMAN_FAULT_SECONDS", "6"))
CHANGE_EVERY_S: Final = min(1.0, SECONDS / 6)
CHANGES: Final = round(SECONDS / CHANGE_EVERY_S) - 1
REST_CALLERS: Final = 8
PIPELINE_CALLERS: Final = 4
GRPC_CALLERS: Final = 8
X: Final = (1.0, 2.0, 5.0)
WEIGHTS: Final = 100_000  # float32: 400 KB a model
CHAIN: Final = {
    "name": "chain",
    "inputs": ["in"],
    "nodes": [
        {
            "name": name,
            "type": "DL model",
            "model_name": "half",
            "inputs": [{"x": {"node_name": source, "data_item": item}}],
            "outputs": [{"data_item": "y", "alias": "y"}],
        }
        for name, source, item in (("first", "request", "in"), ("second", "first", "y"))
    ],
    "outputs": [{"out": {"node_name": "second", "data_item": "y"}}],
}

pytestmark = pytest.mark.faults


class Tally:
    """What became of the requests: how many each of the two folders has answered, and what failed."""

    def __init__(self) -> None:
        self.answers: dict[float, int] = {1.0: 0, 2.0: 0}
        self.failures: list[str] = []

    def take(self, given: list[float], wanted: dict[float, list[float]]) -> None:
        """Count an answer."""
        found = [folder for folder, values in wanted.items() if values == given]
        if found:
            self.answers[found[0]] += 1
        else:
            self.failures.append(f"{given} is the answer of neither folder, nor of one alone")


ONCE: Final = {folder: [x / 2 + folder for x in X] for folder in (1.0, 2.0)}
TWICE: Final = {folder: [(x / 2 + folder) / 2 + folder for x in X] for folder in (1.0, 2.0)}


def config(models: Path, change: int) -> str:
    """The file after so many changes."""
    entries = [{"name": "half", "base_path": str(models / "ab"[change % 2]), "nireq": 1 + change % 3}]
    if change % 2:
        entries.append({"name": "other", "base_path": str(models / "a")})
    document = {
        "model_config_list": [{"config": entry} for entry in entries],
        "pipeline_config_list": [CHAIN],
    }
    return json.dumps(document)


async def call_rest(
    address: Address, name: str, wanted: dict[float, list[float]], progress: Progress, tally: Tally
) -> None:
    """One connection that asks again as soon as it has its answer."""
    body = json.dumps({"inputs": X}).encode()
    head = f"POST /v1/models/{name}:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    reader, writer = await asyncio.open_connection(address.host, address.port)
    while not progress.over:
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        text = await reader.readexactly(int(length.partition(b":")[2]))
        if answer.startswith(b"HTTP/1.1 200 "):
            tally.take(json.loads(text)["outputs"], wanted)
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
            try:
                answer = PROTOS["PredictResponse"].FromString(await predict(message, timeout=30))
            except grpc.aio.AioRpcError as error:
                tally.failures.append(str(error.details()))
            else:
                tally.take(floats(answer.outputs["y"].tensor_content), ONCE)
            progress.made()


def floats(content: bytes) -> list[float]:
    return list(memoryview(content).cast("f"))


def reload(address: Address) -> tuple[int, Any]:
    """Ask the server to look at the file."""
    connection = http.client.HTTPConnection(address.host, address.port)
    try:
        connection.request("POST", "/v1/config/reload")
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def states(body: Any, name: str) -> list[str]:
    """The states of a model's versions."""
    return [one["state"] for one in body[name]["model_version_status"]]


def change(file: Path, text: str, address: Address, *, has_other: bool) -> None:
    """Change the file, and see what a reload makes of it."""
    file.write_text(text[: len(text) // 2])
    status, body = reload(address)
    assert (status, list(body)) == (412, ["error"])
    file.write_text(text)
    status, body = reload(address)
    assert status in (200, 201), body  # 200: the server has looked by itself just before
    assert (states(body, "half"), states(body, "chain")) == (["AVAILABLE"], ["AVAILABLE"])
    assert states(body, "other") == ["AVAILABLE" if has_other else "END"]


async def changing(
    file: Path, models: Path, address: Address, progress: Progress, tallies: dict[str, Tally]
) -> None:
    """One change after the other, each when every caller has answers since the last."""
    for number in range(1, CHANGES + 1):
        has_other = bool(number % 2)
        await asyncio.to_thread(change, file, config(models, number), address, has_other=has_other)
        folder = 2.0 - number % 2
        before = {name: tally.answers[folder] for name, tally in tallies.items()}
        await asyncio.sleep(CHANGE_EVERY_S)
        await more(folder, before, progress, tallies)
    progress.over = True


async def more(folder: float, before: dict[str, int], progress: Progress, tallies: dict[str, Tally]) -> None:
    """Wait for further answers of a folder over every protocol. A failure is no reason to wait on."""
    await progress.until(
        lambda: all(tally.failures or tally.answers[folder] > before[name] for name, tally in tallies.items())
    )


async def play(addresses: Addresses, file: Path, models: Path, tallies: dict[str, Tally]) -> None:
    progress, rest, pipeline = Progress(), addresses.http, tallies["pipeline"]
    async with asyncio.timeout(SECONDS + PATIENCE_S):
        await asyncio.gather(
            changing(file, models, rest, progress, tallies),
            *(call_rest(rest, "half", ONCE, progress, tallies["REST"]) for _ in range(REST_CALLERS)),
            *(call_rest(rest, "chain", TWICE, progress, pipeline) for _ in range(PIPELINE_CALLERS)),
            *(call_grpc(addresses.grpc, progress, tallies["gRPC"]) for _ in range(GRPC_CALLERS)),
        )


def test_no_request_fails_while_the_config_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DRAGOMAN_FAULT_SECONDS", raising=False)  # a server takes it for a setting of its own
    models, file = tmp_path / "models", tmp_path / "config.json"
    for name, offset in (("b", 1), ("a", 2)):  # the first change is to b
        folder = models / name / "1"
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(half_plus(offset, WEIGHTS))
    file.write_text(config(models, 0))
    flags = ["--as", "ovms", "--rest_port", "1", "--port", "2", "--config_path", str(file)]
    tallies = {name: Tally() for name in ("REST", "pipeline", "gRPC")}
    with serving(flags, tmp_path / "log") as addresses:
        asyncio.run(play(addresses, file, models, tallies))
    counts = {name: sum(tally.answers.values()) for name, tally in tallies.items()}
    print(f"\n{CHANGES} changes; answers: {counts}")
    assert {name: tally.failures for name, tally in tallies.items()} == {name: [] for name in tallies}
    assert all(min(tally.answers.values()) for tally in tallies.values())
