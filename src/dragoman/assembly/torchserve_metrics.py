"""TorchServe's metrics: what counts for them, what looks at the machine, what shows and what logs them."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from dragoman.assembly.machine import Machine, Sample, gpu_samples
from dragoman.assembly.metrics_log import MetricsLog
from dragoman.core.access import Permission
from dragoman.core.errors import Code, DragomanError
from dragoman.core.measures import MeasureKind, Measurement
from dragoman.core.status import State, StatusReport, VersionStatus
from dragoman.gateway.exchange import Exchange
from dragoman.gateway.guard import VisibleReport
from dragoman.protocols.torchserve.answers import STRICT, finished
from dragoman.protocols.torchserve.errors import fail_view
from dragoman.settings.metrics_file import Definitions, MetricsFile, read_whole_metrics_file
from dragoman.settings.server import MetricsSettings
from dragoman.telemetry.torchserve import (
    HOST,
    LATENCY,
    PROMETHEUS,
    QUEUE_LATENCY,
    REQUESTS,
    USUAL,
    USUAL_OF_MODELS,
    Family,
    ModelLog,
    TorchServeMetrics,
)
from dragoman.telemetry.torchserve_text import LOAD_TIME, loaded, model_families, page, server_families
from dragoman.wire.forms import read_fields
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Draft, HttpRoute, InferOperation, MultiInferOperation, StatusOperation

TEXT: Final = b"text/plain; version=0.0.4; charset=utf-8"
FILTER: Final = "name[]"
HOST_NAME: Final = "Hostname"
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
HTTP: Final = 100  # the least status of HTTP; those of gRPC are below it
NS_PER_US: Final = 1000
NS_PER_MS: Final = 1_000_000
INFERRING: Final = (InferOperation, MultiInferOperation)


class TorchServeFamilies:
    """The families of one process. Used on the event loop's thread only.

    Errors: DragomanError for a metrics file that is none.
    """

    def __init__(self, settings: MetricsSettings, gpus: Callable[[], int]) -> None:
        file = read_file(settings.torchserve_file)
        usual = not settings.torchserve_file
        self._settings = settings
        self._log = None if settings.torchserve == PROMETHEUS else MetricsLog(settings.torchserve_folder)
        write = self._log.write if self._log is not None else discard
        host = socket.gethostname()
        own = USUAL if usual else tuple(defined(file.server))
        families = USUAL_OF_MODELS if usual else tuple(defined(file.models, HOST_NAME))
        self._metrics = TorchServeMetrics(own, settings.torchserve, host, write, time.time)
        self._models = {family.name: family for family in families}
        self._model_log = ModelLog(self._models, host, write, auto_detect=settings.torchserve_auto_detect)
        self._gpus = gpus
        self._watch: asyncio.Task[None] | None = None

    def measured(self, measurements: Sequence[Measurement]) -> None:
        """A handler has measured this."""
        if self._log is not None:
            self._model_log(measurements)

    def refused(self, status: int) -> None:
        """A request was refused before it had a route."""
        if status >= HTTP:
            self._metrics.add(f"Requests{kind_of(status)}XX", 1, HOST)

    def count(
        self, exchange: Exchange, response: WireResponse, error: DragomanError | None, took_ns: int
    ) -> None:
        """A request is finished."""
        self.refused(response.status)
        if exchange.version is None or not isinstance(exchange.operation, INFERRING):
            return
        labels = exchange.model, asked_version(exchange)
        add = self._metrics.add
        add(REQUESTS, 1, *labels)
        if error is not None:
            return
        add(LATENCY, took_ns / NS_PER_US, *labels)
        run = exchange.run
        if run is not None:
            add(QUEUE_LATENCY, run.queue_ns / NS_PER_US, *labels)
            add("QueueTime", run.queue_ns // NS_PER_MS, HOST)
            beside_ns = max(took_ns - run.queue_ns - run.infer_ns, 0)
            add("WorkerThreadTime", beside_ns // NS_PER_MS, HOST)

    def changed(self, model: str, version: VersionStatus, report: StatusReport) -> None:
        """A version serves: what its workers took to load is told to the log."""
        if version.state is State.READY and self._log is not None:
            title = f"-{model}_{version.name or version.version}"
            for name, load_s in loaded(report):
                if name.endswith(title):
                    self._metrics.add(LOAD_TIME, round(load_s * 1000), name, HOST)

    def page(self, wire: WireRequest, report: StatusReport) -> WireResponse:
        """What `/metrics` shows, as far as the caller may see it; nothing where all is logged."""
        fields = read_fields(wire.query.encode("latin-1"))
        chosen = (bytes(field.data) for field in fields if field.name == FILTER)
        names = frozenset(name.decode("utf-8", "replace") for name in chosen)
        families = list(server_families(self._metrics, report))
        if self._settings.torchserve == PROMETHEUS:
            auto = self._settings.torchserve_auto_detect
            families += model_families(self._models, report, auto_detect=auto)
        shown = report.models.keys() if isinstance(report, VisibleReport) else None
        text = page(families, self._metrics.host, names, shown)
        return finished(STRICT, WireResponse(200, text, content_type=TEXT))

    def routes(self) -> Iterator[HttpRoute]:
        """`/metrics` as TorchServe has it: by any method, and what lies below it."""

        def fail(none: None, error: DragomanError) -> WireResponse:
            return fail_view(STRICT, none, error)

        operation = StatusOperation("torchserve.rest.metrics", self.page, fail, Permission.METRICS)
        for method in METHODS:
            for path in ("/metrics", "/metrics/{rest:path}"):
                yield HttpRoute(method, path, operation)

    def start(self) -> None:
        """Begin to look at the machine."""
        if self._settings.torchserve_system_s:
            self._watch = asyncio.get_running_loop().create_task(self._look())

    async def close(self) -> None:
        """Look no more, and write what is left."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        if self._log is not None:
            await asyncio.to_thread(self._log.close)

    async def _look(self) -> None:
        machine, gpus = Machine(), self._gpus()

        def samples() -> list[Sample]:
            return list(machine.samples())

        while True:
            for name, value, labels in [*await asyncio.to_thread(samples), *await gpu_samples(gpus)]:
                self._metrics.add(name, value, *labels)
            await asyncio.sleep(self._settings.torchserve_system_s)


def discard(*_: object) -> None:
    """There is no log."""


def read_file(path: str) -> MetricsFile:
    """The metrics file of a path; empty = none.

    Errors: DragomanError.
    """
    if not path:
        return MetricsFile()
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return read_whole_metrics_file(file.read(), path)
    except OSError as error:
        why = f"metrics.torchserve_file: {path} cannot be read: {(error.strerror or '').lower()}"
        raise DragomanError(Code.FAILED_PRECONDITION, why) from None


def defined(definitions: Definitions, *more: str) -> Iterator[Family]:
    """The families that a section of a file defines, each with these labels besides."""
    for kind, metrics in definitions.items():
        for metric in metrics or ():
            yield Family(metric.name, metric.unit, MeasureKind(kind), (*metric.dimensions, *more))


def kind_of(status: int) -> int:
    """The hundred that a status counts with: 2, 4, or 5 for every other, as in TorchServe."""
    hundred = status // 100
    return hundred if hundred in (2, 4) else 5


def asked_version(exchange: Exchange) -> str:
    """The version in the caller's words; `default` where it named none."""
    if not isinstance(exchange.draft, Draft):
        return "default"
    target = exchange.draft.target
    number = None if target.version is None else str(target.version)
    return target.version_name or number or target.label or "default"
