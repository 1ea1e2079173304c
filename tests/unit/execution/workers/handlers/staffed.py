"""Handlers in real workers, behind a runner."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog

from dragoman.core.context import CallContext
from dragoman.core.requests import PayloadPart, PayloadRequest
from dragoman.core.responses import Chunk, PayloadResponse
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.engines.base import Artifact
from dragoman.execution.workers.handlers.clock import Clock
from dragoman.execution.workers.handlers.model import load_handler
from dragoman.execution.workers.handlers.runner import HandlerRunner
from dragoman.execution.workers.handlers.signature import SIGNATURES
from dragoman.execution.workers.handlers.workplace import Workplace
from dragoman.repository.handle import Handle
from dragoman.settings.model import HandlerSettings, ModelSettings, WorkerSettings

OBEDIENT = Path(__file__).parent / "obedient"
SIGNATURE = SIGNATURES[DEFAULT_SIGNATURE]


def said(body: str, **headers: str) -> PayloadRequest:
    return PayloadRequest(DEFAULT_SIGNATURE, [PayloadPart("body", body.encode())], headers)


class Pauses:
    """A clock whose time passes in sleep alone, and in no time."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    @property
    def clock(self) -> Clock:
        return Clock(self.sleep, lambda: sum(self.slept))


class Staffed:
    """One handler that is served."""

    def __init__(self, runner: HandlerRunner) -> None:
        self.runner = runner
        self.handle = Handle("m", 1, SIGNATURES, runner)

    async def whole(self, body: str, call: CallContext | None = None, **headers: str) -> PayloadResponse:
        request = said(body, **headers)
        given = await self.runner.run(self.handle, request, SIGNATURE, call or CallContext("r"))
        assert isinstance(given, PayloadResponse)
        return given

    async def parts(self, body: str) -> list[Chunk]:
        given = self.runner.stream(self.handle, said(body), SIGNATURE, CallContext("r"))
        return [chunk async for chunk in given]

    async def text(self, body: str) -> str:
        return (await self.whole(body)).body.decode()


@asynccontextmanager
async def staffed(
    path: Path = OBEDIENT, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[Staffed]:
    """The handler, loaded in its workers and served; gone afterwards."""
    chosen = ModelSettings(
        worker=WorkerSettings(grace_s=0.0), handler=HandlerSettings(**{"max_batch_delay_ms": 0, **settings})
    )
    model = await asyncio.to_thread(load_handler, Artifact(str(path), "m", 1, chosen), Workplace())
    runner = HandlerRunner(model, asyncio.get_running_loop(), clock or Clock())
    await asyncio.sleep(0)
    try:
        yield Staffed(runner)
    finally:
        await asyncio.to_thread(runner.close)


def quiet() -> Iterator[None]:
    """Nothing of what workers print."""
    with structlog.testing.capture_logs():
        yield
