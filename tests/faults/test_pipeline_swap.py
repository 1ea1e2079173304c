"""A pipeline whose model is exchanged under load: no request fails, and each sees one version of the model.

It takes 6 seconds with a new version every second, longer where the machine is slow.
DRAGOMAN_FAULT_SECONDS=60 makes it the full minute, with one every 2 seconds.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.faults.progress import PATIENCE_S, Progress
from tests.faults.test_hot_swap import half_plus, publish
from tests.server_process import Address, serving

SECONDS: Final = float(os.environ.get("DRAGOMAN_FAULT_SECONDS", "6"))
SWAP_EVERY_S: Final = min(2.0, SECONDS / 6)
SWAPS: Final = round(SECONDS / SWAP_EVERY_S) - 1
CALLERS: Final = 8
X: Final = (0.0, 2.0, 5.0)
BRANCHES: Final = 20
SETTINGS: Final = """
repository: models
polling: {poll_s: 0.1, settle_s: 0.2}
pipelines:
- name: twice
  inputs: [in]
  nodes:
  - {name: first, model: half, inputs: {x: request.in}}
  - {name: second, model: half, inputs: {x: first.y}}
  outputs: {out: second.y}
- name: branches
  inputs: [in]
  demultiply: dynamic
  nodes:
  - {name: first, model: half, inputs: {x: request.in}}
  - {name: second, model: half, inputs: {x: first.y}}
  outputs: {out: second.y}
"""
REQUESTS: Final = {"twice": [X], "branches": [X] * BRANCHES}

pytestmark = pytest.mark.faults


class Tally:
    """What became of the requests to one pipeline."""

    def __init__(self) -> None:
        self.versions: list[float] = []
        self.failures: list[str] = []

    def has(self, version: int) -> bool:
        """Whether the last answer is this version's. A failure is no reason to wait on."""
        return bool(self.failures) or self.versions[-1:] == [version]


def versions_of(rows: list[list[float]]) -> set[float]:
    """The versions that these rows are the answers of: with one version v in both nodes, x/4 + 1.5 v."""
    return {round((value - x / 4) / 1.5, 6) for row in rows for value, x in zip(row, X, strict=True)}


async def ask(address: Address, name: str, progress: Progress, tally: Tally) -> None:
    """One connection that asks again as soon as it has its answer."""
    given = REQUESTS[name] if name == "branches" else REQUESTS[name][0]
    body = json.dumps({"inputs": given}).encode()
    head = f"POST /v1/models/{name}:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    reader, writer = await asyncio.open_connection(address.host, address.port)
    while not progress.over:
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        text = await reader.readexactly(int(length.partition(b":")[2]))
        take(name, text.decode(), tally, good=answer.startswith(b"HTTP/1.1 200 "))
        progress.made()
    writer.close()
    await writer.wait_closed()


def take(name: str, text: str, tally: Tally, *, good: bool) -> None:
    """Note which version an answer is of."""
    if not good:
        tally.failures.append(text)
        return
    outputs = json.loads(text)["outputs"]
    found = versions_of(outputs if name == "branches" else [outputs])
    if len(found) == 1 and (version := found.pop()).is_integer():
        tally.versions.append(version)
    else:
        tally.failures.append(f"{outputs} is of no single version")


async def swap(models: Path, progress: Progress, tallies: Mapping[str, Tally]) -> None:
    """Publish one version after the other, each when both pipelines have answered with the last."""
    await answered(1, progress, tallies)
    for version in range(2, SWAPS + 2):
        await publish(models, version, half_plus(version, weights=1000))
        await asyncio.sleep(SWAP_EVERY_S)
        await answered(version, progress, tallies)
    progress.over = True


async def answered(version: int, progress: Progress, tallies: Mapping[str, Tally]) -> None:
    """Wait until every pipeline answers with this version."""
    await progress.until(lambda: all(tally.has(version) for tally in tallies.values()))


async def play(address: Address, models: Path, tallies: Mapping[str, Tally]) -> None:
    progress = Progress()
    async with asyncio.timeout(SECONDS + PATIENCE_S):
        await asyncio.gather(
            swap(models, progress, tallies),
            *(
                ask(address, name, progress, tally)
                for name, tally in tallies.items()
                for _ in range(CALLERS // len(tallies))
            ),
        )


def test_no_request_of_a_pipeline_fails_or_mixes_versions_while_its_model_is_exchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DRAGOMAN_FAULT_SECONDS", raising=False)  # a server takes it for a setting of its own
    models, settings = tmp_path / "models", tmp_path / "dragoman.yaml"
    asyncio.run(publish(models, 1, half_plus(1, weights=1000)))
    settings.write_text(SETTINGS)
    tallies = {name: Tally() for name in REQUESTS}
    with serving([str(settings)], tmp_path / "log") as addresses:
        asyncio.run(play(addresses.http, models, tallies))
    for name, tally in tallies.items():
        print(f"\n{name}: {len(tally.versions)} answers by versions {sorted(set(tally.versions))}")
        assert tally.failures == []
        assert sorted(set(tally.versions)) == list(range(1, SWAPS + 2))
