"""What a loaded version has done: counters that go on counting while somebody looks at them.

They are written on the event loop's thread only, and for every request, so they are plain integers; what
callers want to see of them is worked out when they ask. A request counts where it succeeded: its time in the
queue, the making of its input, the model's run and the writing of its output, each once. Time that a request
shared with others in one batch counts in full for each of them, and once for the batch.
"""

from collections.abc import Iterable
from time import perf_counter_ns, time_ns
from typing import Final

from msgspec import Struct

MOST_PARTS: Final = 128  # of a streamed answer that are counted apart; the last counts all that follow
NS_PER_MS: Final = 1_000_000


class BatchStatistics:
    """The runs of a model with batches of one size, and what came before and after them."""

    __slots__ = ("infer_ns", "input_ns", "output_ns", "runs")

    def __init__(self) -> None:
        self.runs = 0
        self.input_ns = 0
        self.infer_ns = 0
        self.output_ns = 0


class Run(Struct, gc=False):
    """What one request's run took: the model's time (that of the whole batch), and the wait before it.

    The time of a model in a worker is from the question to the answer, as the server sees it. `rows` = the
    batch elements of this request; `batch` = where a run that it shared with others is counted already; one
    of its own counts when the request has succeeded.
    """

    infer_ns: int = 0
    queue_ns: int = 0
    rows: int = 1
    batch: BatchStatistics | None = None


class Occupancy(Struct, frozen=True):
    """How many calls a model takes at once, how many it has, and how many its runtime computes at once."""

    places: int
    taken: int
    streams: int


class TextCounts(Struct, frozen=True):
    """The texts of a model that writes them: those under way, and what has become of all since it was loaded.

    `places` = how many are written at once; `waiting` = those in line for a place. `finished` = those that
    came to their end, `cancelled` = those that nobody waited for any more, `failed` = those that the engine
    failed at. `prompt_tokens` = those of the texts that were begun, `tokens` = those written.
    """

    places: int
    running: int
    waiting: int
    finished: int
    cancelled: int
    failed: int
    prompt_tokens: int
    tokens: int


class Times:
    """How often something happened, and how long that took in all."""

    __slots__ = ("count", "ns")

    def __init__(self) -> None:
        self.count = 0
        self.ns = 0

    def add(self, ns: int) -> None:
        """It happened once more."""
        self.count += 1
        self.ns += ns


class PartStatistics:
    """The parts of streamed answers that came at one place of them.

    `sent` counts both the model's time and the encoder's; `empty` = of these, the parts without any output.
    """

    __slots__ = ("cancelled", "empty", "failed", "infer", "output", "sent")

    def __init__(self) -> None:
        self.infer = Times()
        self.output = Times()
        self.sent = Times()
        self.empty = Times()
        self.failed = Times()  # streams that broke here
        self.cancelled = Times()  # streams whose reader left here

    def add(self, infer_ns: int, output_ns: int, *, empty: bool) -> None:
        """Count one part that was sent."""
        self.infer.add(infer_ns)
        self.output.add(output_ns)
        self.sent.add(infer_ns + output_ns)
        if empty:
            self.empty.add(infer_ns + output_ns)


class VersionStatistics:
    """The counters of one loaded version. A version that is loaded anew begins at nothing."""

    __slots__ = (
        "_last_ms",
        "_last_ns",
        "_told_ns",
        "batches",
        "failed",
        "failed_ns",
        "infer_ns",
        "parts",
        "queue_ns",
        "rows",
        "succeeded",
        "succeeded_ns",
    )

    def __init__(self) -> None:
        self.succeeded = 0  # requests
        self.succeeded_ns = 0  # from the request's arrival to its answer
        self.failed = 0
        self.failed_ns = 0
        self.queue_ns = 0  # of requests that succeeded, and so on
        self.infer_ns = 0
        self.rows = 0
        self.batches: dict[int, BatchStatistics] = {}  # by the size of the batch
        self.parts: list[PartStatistics] = []  # by their place in a streamed answer
        self._last_ns = 0  # on the performance counter, which the request path reads anyway
        self._told_ns = 0
        self._last_ms = 0

    def ran(self, rows: int, infer_ns: int) -> BatchStatistics:
        """Count one run of the model."""
        batch = self.batches.get(rows)
        if batch is None:
            batch = self.batches[rows] = BatchStatistics()
        batch.runs += 1
        batch.infer_ns += infer_ns
        return batch

    def succeed(self, run: Run | None, input_ns: int, output_ns: int, began_ns: int, ended_ns: int) -> None:
        """Count a request that was answered. `began_ns` and `ended_ns` are on the performance counter.

        `run` None = the model's runner measures nothing.
        """
        if run is None:
            run = Run()
        batch = run.batch or self.ran(run.rows, run.infer_ns)
        batch.input_ns += input_ns
        batch.output_ns += output_ns
        self.succeeded += 1
        self.succeeded_ns += ended_ns - began_ns
        self.queue_ns += run.queue_ns
        self.infer_ns += run.infer_ns
        self.rows += run.rows
        self._last_ns = ended_ns

    def joined(self, given: Iterable[Run | None]) -> Run:
        """Several runs for one request as one; each of them is counted by itself."""
        runs = [run or Run() for run in given]
        batches = [run.batch or self.ran(run.rows, run.infer_ns) for run in runs]
        return Run(
            sum(run.infer_ns for run in runs),
            sum(run.queue_ns for run in runs),
            sum(run.rows for run in runs),
            batches[0] if batches else None,
        )

    def fail(self, took_ns: int) -> None:
        """Count a request that had found this version and was not answered by it."""
        self.failed += 1
        self.failed_ns += took_ns

    def part(self, index: int) -> PartStatistics:
        """The counters of the parts at this place of a streamed answer."""
        parts = self.parts
        if index < len(parts):
            return parts[index]
        if len(parts) < MOST_PARTS:
            parts.append(PartStatistics())
        return parts[-1]

    @property
    def input_ns(self) -> int:
        """What it took to make the inputs of requests that succeeded."""
        return sum(batch.input_ns for batch in self.batches.values())

    @property
    def output_ns(self) -> int:
        """What it took to write the outputs of requests that succeeded."""
        return sum(batch.output_ns for batch in self.batches.values())

    @property
    def runs(self) -> int:
        """How often the model was run."""
        return sum(batch.runs for batch in self.batches.values())

    @property
    def last_ms(self) -> int:
        """When a request was last answered, in milliseconds of Unix time; 0 = never."""
        if self._last_ns != self._told_ns:  # else as it was told before: the two clocks drift
            self._told_ns = self._last_ns
            self._last_ms = (time_ns() - perf_counter_ns() + self._last_ns) // NS_PER_MS
        return self._last_ms
