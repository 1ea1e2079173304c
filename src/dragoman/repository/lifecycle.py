"""One version's way into memory and out again."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

import structlog

from dragoman.core.configuration import ModelConfiguration
from dragoman.core.errors import Code, DragomanError
from dragoman.core.status import PIPELINE, Cause, State
from dragoman.engines.base import LoadedModel, Progress
from dragoman.repository.handle import Handle, Runner
from dragoman.repository.harness import VersionHarness
from dragoman.repository.loader import LoadedVersion, ModelLoader
from dragoman.repository.memory import give_back_memory
from dragoman.repository.retries import FINAL, LoadRules
from dragoman.repository.source import Candidate
from dragoman.settings.model import ModelSettings

OTHERS_AT_ONCE: Final = 2  # looks at the disk and closings, which do not wait for loads

P = ParamSpec("P")
T = TypeVar("T")
MakeRunner = Callable[[LoadedModel, ModelSettings, str, int], Runner]
WarmUp = Callable[[Candidate, LoadedVersion], None]


def no_warm_up(candidate: Candidate, version: LoadedVersion) -> None:
    """The warm-up where nobody recorded any requests."""


class Lifecycle:
    """Loads and unloads versions on threads of its own, a few at once."""

    def __init__(
        self,
        loader: ModelLoader,
        make_runner: MakeRunner,
        warm_up: WarmUp,
        rules: LoadRules,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._loader = loader
        self._make_runner = make_runner
        self._warm_up = warm_up
        self._rules = rules
        self._sleep = sleep
        self._loads = ThreadPoolExecutor(rules.at_once, thread_name_prefix="load")
        # What pipelines are made of is loaded by then: they need not wait for the loads of others.
        self._compositions = ThreadPoolExecutor(rules.at_once, thread_name_prefix="compose")
        self._others = ThreadPoolExecutor(OTHERS_AT_ONCE, thread_name_prefix="repository")
        self._log = structlog.get_logger("dragoman.repository")

    async def load(self, harness: VersionHarness) -> None:
        """Bring a LOADING version to READY, or to FAILED with its cause.

        A version that is no longer wanted is not tried again.
        """
        pauses = self._rules.pauses(random.random)
        loop = asyncio.get_running_loop()

        def tell(text: str) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(harness.tell, text)

        progress = Progress(tell, lambda: harness.aspired)
        threads = self._loads if harness.candidate.pipeline is None else self._compositions
        while True:
            try:
                made = await self._in(threads, self._loaded, harness, progress)
            except DragomanError as error:
                given = harness.candidate
                # One of another server is tried again later, by `Revival`: nobody's start waits for it.
                final = error.code in FINAL or given.upload or given.external or not harness.aspired
                pause = None if final else next(pauses, None)
                if pause is not None:
                    await self._sleep(pause)
                if pause is None or not harness.aspired:
                    self._tell_detail(harness.candidate, error)
                    return harness.failed(Cause(error.code, error.message, error.reason))
            except Exception:  # a bug of ours, and the version must not stay LOADING for ever
                self._log.exception("load broke down", model=harness.candidate.model)
                return harness.failed(Cause(Code.INTERNAL, "loading broke down; the server's log tells more"))
            else:
                return harness.ready(*made, time.time())

    async def unload(self, harness: VersionHarness, handle: Handle) -> None:
        """Bring a QUIESCING version to GONE, as soon as no request holds it."""
        idle = asyncio.get_running_loop().create_future()
        handle.quiesce(lambda: None if idle.done() else idle.set_result(None))
        await idle
        harness.move(State.QUIESCED)
        harness.move(State.UNLOADING)
        try:
            await self.in_thread(handle.close)
            await self.in_thread(give_back_memory, harness.size_bytes)
        except Exception:
            candidate = harness.candidate
            self._log.exception("closing failed", model=candidate.model, version=candidate.version)
        harness.gone()

    async def can_load(self, candidate: Candidate) -> bool:
        """Whether a version would load now: it is loaded, and closed again, without anybody being told."""
        try:
            loaded = await asyncio.to_thread(self._loader.load, candidate)  # others' loads do not wait for it
        except DragomanError:
            return False
        await self.in_thread(loaded.close)
        return True

    async def in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run something that may block, other than a load."""
        return await self._in(self._others, function, *args, **kwargs)

    def close(self) -> None:
        """Let the threads end when what they do is done."""
        for threads in (self._loads, self._compositions, self._others):
            threads.shutdown(wait=False, cancel_futures=True)

    async def _in(
        self, threads: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(threads, lambda: function(*args, **kwargs))

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

    def _loaded(
        self, harness: VersionHarness, progress: Progress
    ) -> tuple[Handle, str, ModelConfiguration | None]:
        candidate = harness.candidate
        harness.tree = candidate.look()
        if candidate.pipeline is not None:
            return self._composed(candidate), PIPELINE, None
        loaded = self._loader.load(candidate, progress)
        explainer = None
        try:
            self._warm_up(candidate, loaded)
            explainer = self._loader.explainer(candidate, loaded.signatures)
            runner = self._make_runner(loaded.model, candidate.settings, candidate.model, candidate.version)
        except DragomanError:
            close_both(explainer, loaded)
            raise
        except Exception as error:
            self._log.exception("no runner", model=candidate.model, version=candidate.version)
            close_both(explainer, loaded)
            message = f"{candidate.shown} cannot be run; the server's log tells more"
            raise DragomanError(Code.INTERNAL, message) from error
        handle = Handle(
            candidate.model,
            candidate.version,
            loaded.signatures,
            runner,
            loaded.name,
            loaded.discard,
            self._loader.statistics(candidate),
            explainer,
        )
        return handle, loaded.engine, loaded.configuration

    def _composed(self, candidate: Candidate) -> Handle:
        composed = self._loader.compose(candidate)
        try:
            explainer = self._loader.explainer(candidate, composed.signatures)
        except BaseException:
            composed.runner.close()
            raise
        return Handle(
            candidate.model,
            candidate.version,
            composed.signatures,
            composed.runner,
            statistics=self._loader.statistics(candidate),
            explainer=explainer,
        )


def close_both(explainer: Runner | None, loaded: LoadedVersion) -> None:
    """Close what was made of a version that does not serve."""
    try:
        if explainer is not None:
            explainer.close()
    finally:
        loaded.close()
