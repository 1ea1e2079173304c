"""Counters under the names that OpenVINO Model Server gives its own, with its labels and its buckets.

They are kept apart from ours, since they tell versions and ways of asking apart, and only where they are
wanted. Every series of a version is there from its load on, and goes on when the version is loaded anew.
"""

from bisect import bisect_left
from collections.abc import Mapping
from math import floor
from typing import Final

from msgspec import Struct

from dragoman.core.statistics import Run, VersionStatistics
from dragoman.core.status import StatusReport

BOUNDS_US: Final = tuple(floor(10 * 1.8**power) for power in range(33))  # the last is 25 minutes
NS_PER_US: Final = 1000
REST: Final = "REST"
GRPC: Final = "gRPC"
TENSORFLOW_SERVING: Final = "TensorFlowServing"
KSERVE: Final = "KServe"


class Call(Struct, frozen=True, eq=False):  # one object for each: the hash of its texts would cost more
    """What was asked, in the reference's words. `versioned` = it is counted by version."""

    api: str
    interface: str
    method: str
    versioned: bool = True
    infers: bool = False  # whether a model is run


EVERY_CALL: Final = tuple(
    Call(api, interface, method, versioned, infers)
    for api, methods in (
        (
            TENSORFLOW_SERVING,
            (("Predict", True, True), ("GetModelMetadata", True, False), ("GetModelStatus", False, False)),
        ),
        (KSERVE, (("ModelInfer", True, True), ("ModelMetadata", True, False), ("ModelReady", False, False))),
    )
    for interface in (REST, GRPC)
    for method, versioned, infers in methods
)
WORDS: Final = {  # of our operations, for each of their protocols
    TENSORFLOW_SERVING: {"predict": "Predict", "metadata": "GetModelMetadata", "status": "GetModelStatus"},
    KSERVE: {"infer": "ModelInfer", "metadata": "ModelMetadata", "ready": "ModelReady"},
}
PROTOCOLS: Final = {"tfs": TENSORFLOW_SERVING, "ovms": TENSORFLOW_SERVING, "kserve_v2": KSERVE}
TRANSPORTS: Final = {"rest": REST, "grpc": GRPC}


def call(api: str, interface: str, method: str) -> Call:
    """That one of EVERY_CALL."""
    asked = (api, interface, method)
    return next(each for each in EVERY_CALL if (each.api, each.interface, each.method) == asked)


CALLS: Final[Mapping[str, Call]] = {  # by our operations
    **{
        f"{protocol}.{transport}.{verb}": call(api, interface, method)
        for protocol, api in PROTOCOLS.items()
        for transport, interface in TRANSPORTS.items()
        for verb, method in WORDS[api].items()
    },
    "v1.rest.status": call(TENSORFLOW_SERVING, REST, "GetModelStatus"),
    "kserve_v2.grpc.stream_infer": call(KSERVE, GRPC, "ModelInfer"),
}


class Histogram:
    """How often something took how long."""

    __slots__ = ("buckets", "total_us")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS_US) + 1)
        self.total_us = 0

    def add(self, took_ns: int) -> None:
        """It happened once more."""
        took_us = took_ns // NS_PER_US
        self.buckets[bisect_left(BOUNDS_US, took_us)] += 1
        self.total_us += took_us


class Tally:
    """Requests by what was asked: those that succeeded, those that failed."""

    __slots__ = ("failed", "succeeded")

    def __init__(self) -> None:
        self.succeeded: dict[Call, int] = {}
        self.failed: dict[Call, int] = {}

    def add(self, call: Call, *, succeeded: bool) -> None:
        """Count one request."""
        counts = self.succeeded if succeeded else self.failed
        counts[call] = counts.get(call, 0) + 1


class VersionSeries:
    """What is counted of one version. `inference` and `wait` None = a pipeline, whose models have these."""

    __slots__ = ("inference", "tally", "times", "wait")

    def __init__(self, *, is_pipeline: bool) -> None:
        self.tally = Tally()
        self.times = {REST: Histogram(), GRPC: Histogram()}
        self.inference = None if is_pipeline else Histogram()
        self.wait = None if is_pipeline else Histogram()


class TimedStatistics(VersionStatistics):
    """The counters of a version, which also count its runs one by one."""

    __slots__ = ("_series",)

    def __init__(self, series: VersionSeries) -> None:
        super().__init__()
        self._series = series

    def succeed(self, run: Run | None, input_ns: int, output_ns: int, began_ns: int, ended_ns: int) -> None:
        """Count a request that was answered."""
        series = self._series
        if run is not None and series.inference is not None and series.wait is not None:
            series.inference.add(run.infer_ns)
            series.wait.add(run.queue_ns)
        super().succeed(run, input_ns, output_ns, began_ns, ended_ns)


class OvmsMetrics:
    """Every series of one server process."""

    def __init__(self) -> None:
        self.versions: dict[tuple[str, int], VersionSeries] = {}
        self.models: dict[str, Tally] = {}

    def series(self, model: str, version: int, *, is_pipeline: bool) -> VersionSeries:
        """The series of a version, which is loaded now, for the first time or again."""
        self.models.setdefault(model, Tally())
        key = (model, version)
        found = self.versions.get(key)
        if found is None or (found.inference is None) != is_pipeline:
            found = self.versions[key] = VersionSeries(is_pipeline=is_pipeline)
        return found

    def count(self, call: Call, model: str, version: int, took_ns: int, *, succeeded: bool) -> None:
        """Count a finished request, if its version was ever loaded."""
        series = self.versions.get((model, version))
        if series is None:
            return
        series.tally.add(call, succeeded=succeeded)
        if succeeded and call.infers:
            series.times[call.interface].add(took_ns)

    def count_model(self, call: Call, model: str, *, succeeded: bool) -> None:
        """Count a finished request that is not about one version."""
        tally = self.models.get(model)
        if tally is not None:
            tally.add(call, succeeded=succeeded)

    def forget(self, report: StatusReport) -> None:
        """Drop the series of versions that are no longer listed."""
        listed = {(name, one.version) for name, model in report.models.items() for one in model.versions}
        for key in self.versions.keys() - listed:
            del self.versions[key]
