"""One version's way into memory and out again."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

import structlog

from dragoman.core.errors import Code, DragomanError
from dragoman.core.status import Cause, State
from dragoman.engines.base import LoadedModel
from dragoman.repository.handle import Handle, Runner
from dragoman.repository.harness import VersionHarness
from dragoman.repository.loader import ModelLoader
from dragoman.repository.retries import FINAL, RetryRules
from dragoman.repository.source import Candidate
from dragoman.settings.model import ModelSettings

LOADS_AT_ONCE: Final = 4

P = ParamSpec("P")
T = TypeVar("T")
MakeRunner = Callable[[LoadedModel, ModelSettings, str, int], Runner]


class Lifecycle:
    """Loads and unloads versions on threads of its own, a few at once."""

    def __init__(
        self,
        loader: ModelLoader,
        make_runner: MakeRunner,
        retries: RetryRules,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._loader = loader
        self._make_runner = make_runner
        self._retries = retries
        self._sleep = sleep
        self._threads = ThreadPoolExecutor(LOADS_AT_ONCE, thread_name_prefix="repository")
        self._log = structlog.get_logger("dragoman.repository")

    async def load(self, harness: VersionHarness) -> None:
        """Bring a LOADING version to READY, or to FAILED with its cause.

        A version that is no longer wanted is not tried again.
        """
        pauses = self._retries.pauses(random.random)
        while True:
            try:
                handle, engine = await self.in_thread(self._loaded, harness.candidate)
            except DragomanError as error:
                pause = None if error.code in FINAL or not harness.aspired else next(pauses, None)
                if pause is None:
                    self._tell_detail(harness.candidate, error)
                    return harness.failed(Cause(error.code, error.message))
                await self._sleep(pause)
            except Exception:  # a bug of ours, and the version must not stay LOADING for ever
                self._log.exception("load broke down", model=harness.candidate.model)
                return harness.failed(Cause(Code.INTERNAL, "loading broke down; the server's log tells more"))
            else:
                return harness.ready(handle, engine, time.time())

    async def unload(self, harness: VersionHarness, handle: Handle) -> None:
        """Bring a QUIESCING version to GONE, as soon as no request holds it."""
        idle = asyncio.get_running_loop().create_future()
        handle.quiesce(lambda: None if idle.done() else idle.set_result(None))
        await idle
        harness.move(State.QUIESCED)
        harness.move(State.UNLOADING)
        try:
            await self.in_thread(handle.runner.close)
        except Exception:
            candidate = harness.candidate
            self._log.exception("closing failed", model=candidate.model, version=candidate.version)
        harness.gone()

    async def in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run something that may block."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: function(*args, **kwargs))

    def close(self) -> None:
        """Let the threads end when what they do is done."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _tell_detail(self, candidate: Candidate, error: DragomanError) -> None:
        """Log what the cause keeps from strangers: where the files lie, and the runtime's own words."""
        detail = str(error.__cause__) if error.__cause__ is not None else error.message
        self._log.info(
            "load failed",
            model=candidate.model,
            version=candidate.version,
            path=candidate.path,
            detail=detail,
        )

    def _loaded(self, candidate: Candidate) -> tuple[Handle, str]:
        loaded = self._loader.load(candidate)
        model, version = candidate.model, candidate.version
        try:
            runner = self._make_runner(loaded.model, candidate.settings, model, version)
        except DragomanError:
            loaded.model.close()
            raise
        except Exception as error:
            self._log.exception("no runner", model=model, version=version)
            loaded.model.close()
            message = f"{candidate.shown} cannot be run; the server's log tells more"
            raise DragomanError(Code.INTERNAL, message) from error
        return Handle(model, version, loaded.signatures, runner), loaded.engine
