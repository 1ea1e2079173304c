"""Dynamic batching: requests that wait in the same turn of the event loop run as one.

1. A request that comes alone runs at once, as without batching: a lone client pays nothing.
2. Otherwise requests wait until the turn is over (or, with a delay, until the batch is full or old enough),
   and longer while as many batches run as the model takes at once.
3. A batch holds requests of one join key, oldest first, up to `max_size` rows. A request that has no rows to
   join, or as many as a batch, or whose signature must not be joined, runs by itself.
4. Cancelled and overdue requests are dropped before they run. When a batch fails, each of its requests runs
   alone, so that one caller's bad input fails that caller only; not where the model's worker ended over it.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Container, Hashable
from concurrent.futures import Future
from itertools import chain
from time import monotonic, perf_counter_ns
from typing import Final, Protocol

from msgspec import Struct

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import CoreRequest, TensorRequest
from dragoman.core.responses import Chunk, CoreResponse, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.statistics import Occupancy, Run
from dragoman.execution.adapters import SignatureAdapter
from dragoman.execution.batch import divide, join, join_key, rows_of
from dragoman.execution.deadlines import overdue
from dragoman.execution.later import Later
from dragoman.execution.runners import input_bytes
from dragoman.execution.steps import Question, Steps, T
from dragoman.repository.handle import Handle
from dragoman.settings.model import BatchingSettings

# Of a batch that ends so none is asked again: whichever of its requests it was would do the same again.
FINAL: Final = frozenset({Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.CANCELLED})
Work = Future[T] | asyncio.Future[T]


class Joining(Protocol):
    """The runner that requests go to, one by one or joined."""

    @property
    def at_once(self) -> int:
        """How many batches it runs at once."""

    @property
    def hears_parameters(self) -> bool:
        """Whether the model may act on what a caller says besides, so that others' rows are not its."""

    def adapter(self, signature: Signature) -> SignatureAdapter:
        """The way of a signature's requests to the engine and back."""

    def run_ready(
        self,
        handle: Handle,
        request: TensorRequest,
        rows: int,
        adapter: SignatureAdapter,
        call: CallContext,
    ) -> TensorResponse | Awaitable[CoreResponse]:
        """The answer to a request that is in the engine's names already."""

    def goes_at_once(self, size_bytes: int) -> bool:
        """Whether a request with so many bytes of input, coming alone, is better off not waiting."""

    def run_steps(self, handle: Handle, steps: Steps[T], size_bytes: int) -> T | Work[T]:
        """The result of steps that ask the model: at once, or as work whose end calls back on any thread."""

    def stream(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> AsyncGenerator[Chunk, None]:
        """The answer in parts."""

    def occupancy(self) -> Occupancy:
        """How busy the model is."""

    def close(self) -> None:
        """Close the model."""


class Waiting:
    """One request in line."""

    __slots__ = ("adapter", "answer", "call", "due_s", "handle", "request", "rows", "since_ns")

    def __init__(
        self,
        handle: Handle,
        request: TensorRequest,
        rows: int,
        adapter: SignatureAdapter,
        call: CallContext,
        due_s: float,
    ) -> None:
        self.handle = handle
        self.request = request
        self.rows = rows
        self.adapter = adapter
        self.call = call
        self.due_s = due_s  # when its batch runs, full or not
        self.since_ns = perf_counter_ns()
        self.answer: Later[CoreResponse] = Later(self.cancel)

    def cancel(self) -> None:
        """The caller has gone."""
        self.call.cancelled = True

    def give(self, response: TensorResponse) -> None:
        """Answer the caller with its own rows."""
        self.answer.resolve(self.adapter.from_engine(response, self.handle.version))


class Outcome(Struct, frozen=True):
    """What became of requests that ran as one: the answer to each, or the error of all.

    `began_ns` is on the performance counter; `took_ns` is the model's time.
    """

    batch: list[Waiting]
    result: list[TensorResponse] | Exception
    began_ns: int = 0
    took_ns: int = 0

    def deliver(self) -> None:
        """Count the run, and give everyone what is theirs. A caller that has gone takes nothing."""
        batch, result = self.batch, self.result
        if isinstance(result, Exception):
            for waiting in batch:
                waiting.answer.reject(result)
            return
        statistics = batch[0].handle.statistics
        counted = statistics.ran(sum(waiting.rows for waiting in batch), self.took_ns)
        for waiting, response in zip(batch, result, strict=True):
            queued_ns = self.began_ns - waiting.since_ns
            response.run = Run(self.took_ns, queued_ns, waiting.rows, counted)
            waiting.give(response)


class BatchingRunner:
    """Runs a model's requests in batches, through the runner that would run them one by one.

    `joinable` = the engine's signatures whose requests may be joined.
    """

    def __init__(
        self, below: Joining, settings: BatchingSettings, name: str, joinable: Container[str]
    ) -> None:
        self._below = below
        self._settings = settings
        self._name = name
        self._joinable = joinable
        self._lines: dict[Hashable, list[Waiting]] = {}  # by join key, in order of their oldest request
        self._length = 0
        self._running: set[tuple[Waiting, ...]] = set()
        self._in_turn = 0  # requests so far in this turn of the loop, and in the last one that had any
        self._last_turn = 0
        self._alarm: asyncio.TimerHandle | None = None

    def run(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> TensorResponse | Awaitable[CoreResponse]:
        """The answer: at once for a request that comes alone, else with its batch."""
        adapter = self._below.adapter(signature)
        ready = adapter.to_engine(request)
        rows = rows_of(ready)
        if call.background:
            return self._below.run_ready(handle, ready, rows or 1, adapter, call)
        if self._in_turn == 0:
            asyncio.get_running_loop().call_soon(self._end_turn)
        self._in_turn += 1
        if not self._is_joinable(ready, rows) or self._is_alone(ready):
            return self._below.run_ready(handle, ready, rows or 1, adapter, call)
        if self._length >= self._settings.max_queue:
            raise self._refusal()
        due_s = monotonic() + self._settings.delay_ms / 1e3
        waiting = Waiting(handle, ready, rows, adapter, call, due_s)
        self._lines.setdefault(join_key(ready, self._settings.pad), []).append(waiting)
        self._length += 1
        return waiting.answer

    def stream(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> AsyncGenerator[Chunk, None]:
        """Streams are not joined."""
        return self._below.stream(handle, request, signature, call)

    def occupancy(self) -> Occupancy:
        """How busy the model is."""
        return self._below.occupancy()

    def close(self) -> None:
        """Close the model."""
        self._below.close()

    def _is_joinable(self, request: TensorRequest, rows: int) -> bool:
        """Whether others may run together with this request."""
        if request.parameters and self._below.hears_parameters:
            return False
        return 0 < rows < self._settings.max_size and request.signature in self._joinable

    def _is_alone(self, request: TensorRequest) -> bool:
        """Whether nothing would join this request, so that it need not wait."""
        return (
            self._in_turn == 1
            and self._last_turn <= 1
            and not self._length
            and not self._running
            and not self._settings.delay_ms
            and self._below.goes_at_once(input_bytes(request))
        )

    def _refusal(self) -> DragomanError:
        return DragomanError(
            Code.RESOURCE_EXHAUSTED,
            f"the batching queue of model {self._name} is full ({self._length} requests wait)",
            reason=Reason.QUEUE_FULL,
            retry_after_s=1.0,
        )

    def _end_turn(self) -> None:
        self._last_turn, self._in_turn = self._in_turn, 0
        self._start_batches()

    def _start_batches(self) -> None:
        """Run what is due, as far as the model takes more at once; then see to what goes on waiting."""
        while self._length and len(self._running) < self._below.at_once:
            batch = self._take_batch()
            if not batch:
                break
            self._run(batch)
        self._set_alarm()

    def _take_batch(self) -> list[Waiting]:
        """The next batch that is full or due; none if all go on waiting."""
        now = monotonic()
        for key, line in self._lines.items():
            rows = 0
            count = 0
            for waiting in line:
                if rows + waiting.rows > self._settings.max_size:
                    break
                rows += waiting.rows
                count += 1
            if count < len(line) or rows == self._settings.max_size or line[0].due_s <= now:
                batch, rest = line[:count], line[count:]
                self._length -= count
                del self._lines[key]
                if rest:
                    self._lines[key] = rest
                return batch
        return []

    def _run(self, batch: list[Waiting]) -> None:
        """Run a batch: at once where that is short, else elsewhere."""
        now = monotonic()
        live = []
        for waiting in batch:
            if waiting.call.deadline_s is not None and waiting.call.deadline_s <= now:
                waiting.answer.reject(overdue())
            elif not waiting.answer.done:
                live.append(waiting)
        if not live:
            return
        size = sum(input_bytes(waiting.request) for waiting in live)
        work = self._below.run_steps(live[0].handle, self._outcomes(live, size), size)
        if isinstance(work, list):
            deliver(work)
            return
        running = tuple(live)
        self._running.add(running)
        loop = asyncio.get_running_loop()
        work.add_done_callback(lambda done: loop.call_soon_threadsafe(self._finish, running, done))

    def _finish(self, running: tuple[Waiting, ...], work: Work[list[Outcome]]) -> None:
        """A batch came back."""
        self._running.discard(running)
        if work.cancelled() or work.exception() is not None:
            deliver([Outcome(list(running), DragomanError(Code.INTERNAL, "the batch was not run"))])
        else:
            deliver(work.result())
        self._start_batches()

    def _outcomes(self, batch: list[Waiting], size: int) -> Steps[list[Outcome]]:
        """What the requests of a batch get: all of them together, or each alone where that failed."""
        try:
            joined = yield from self._joined(batch, size)
            return [joined]
        except Exception as error:
            if len(batch) == 1 or (isinstance(error, DragomanError) and error.code in FINAL):
                return [Outcome(batch, error)]
        outcomes = []
        for waiting in batch:
            outcomes += yield from self._outcomes([waiting], input_bytes(waiting.request))
        return outcomes

    def _joined(self, batch: list[Waiting], size: int) -> Steps[Outcome]:
        began_ns = perf_counter_ns()
        sizes = [waiting.rows for waiting in batch]
        rows = sum(sizes)
        filled = next((allowed for allowed in self._settings.allowed_sizes if allowed >= rows), rows)
        joined = join([waiting.request for waiting in batch], filled)
        response = yield Question(joined, size, batch[0].call if len(batch) == 1 else call_of(batch))
        took_ns = 0 if response.run is None else response.run.infer_ns
        return Outcome(batch, divide(response, sizes, filled), began_ns, took_ns)

    def _set_alarm(self) -> None:
        """Look again when the next batch falls due or the next deadline passes, whichever is sooner."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        lines = self._lines.values()
        free = len(self._running) < self._below.at_once
        times = [line[0].due_s for line in lines if free]
        times += [
            waiting.call.deadline_s
            for waiting in chain(*lines, *self._running)
            if waiting.call.deadline_s is not None and not waiting.answer.done
        ]
        if times:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(max(0.0, min(times) - monotonic()), self._ring)

    def _ring(self) -> None:
        """Answer those whose deadline has passed, wherever they are, then start what is due."""
        self._alarm = None
        now = monotonic()
        for waiting in chain(*self._lines.values(), *self._running):
            if waiting.call.deadline_s is not None and waiting.call.deadline_s <= now:
                waiting.cancel()
                waiting.answer.reject(overdue())
        for key, line in list(self._lines.items()):
            left = [waiting for waiting in line if not waiting.answer.done]
            self._length -= len(line) - len(left)
            self._lines[key] = left
            if not left:
                del self._lines[key]
        self._start_batches()


def call_of(batch: list[Waiting]) -> CallContext:
    """A batch's own call: it outlives its requests' patience, and ends with the last of their deadlines."""
    deadlines = [waiting.call.deadline_s for waiting in batch if waiting.call.deadline_s is not None]
    last_s = max(deadlines) if len(deadlines) == len(batch) else None
    return CallContext(batch[0].call.request_id, last_s)


def deliver(outcomes: list[Outcome]) -> None:
    """Give everyone what is theirs."""
    for outcome in outcomes:
        outcome.deliver()
