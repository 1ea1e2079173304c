"""OpenVINO Model Server's families of metrics as text: its counters do not end in `_total`, as ours do."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from msgspec import Struct

from dragoman.core.statistics import Occupancy
from dragoman.core.status import StatusReport
from dragoman.telemetry.openvino_model_server import (
    BOUNDS_US,
    EVERY_CALL,
    Histogram,
    OvmsMetrics,
    Tally,
    VersionSeries,
)
from dragoman.telemetry.text_format import line

Labels = Mapping[str, str]
Series = Mapping[tuple[str, int], VersionSeries]

USUAL: Final = (
    "ovms_requests_success",
    "ovms_requests_fail",
    "ovms_request_time_us",
    "ovms_inference_time_us",
    "ovms_wait_for_infer_req_time_us",
    "ovms_current_requests",
    "ovms_streams",
)
KINDS: Final = {  # what each family is, and what is said of it
    "ovms_requests_success": ("counter", "Successful requests to a model or a pipeline."),
    "ovms_requests_fail": ("counter", "Failed requests to a model or a pipeline."),
    "ovms_request_time_us": ("histogram", "Time from a request's arrival to its answer."),
    "ovms_inference_time_us": ("histogram", "Time that the model took."),
    "ovms_wait_for_infer_req_time_us": ("histogram", "Time that a request waited for the model."),
    "ovms_current_requests": ("gauge", "Requests in process."),
    "ovms_streams": ("gauge", "Calls that the model's runtime computes at once."),
    "ovms_infer_req_queue_size": ("gauge", "Calls that the model takes at once."),
    "ovms_infer_req_active": ("gauge", "Calls that the model has."),
}


class Busy(Struct, frozen=True):
    """A version that serves: the requests in it, and how busy its model is."""

    model: str
    version: int
    requests: int
    occupancy: Occupancy | None


def text(
    metrics: OvmsMetrics, families: Collection[str], report: StatusReport, serving: Iterable[Busy]
) -> bytes:
    """These families, or the usual ones where none is named, of the models that the report shows."""
    wanted = families or USUAL
    shown = frozenset(report.models)  # listed, not asked for: whoever asks for a closed model is refused
    versions = {key: series for key, series in sorted(metrics.versions.items()) if key[0] in shown}
    models = {name: tally for name, tally in sorted(metrics.models.items()) if name in shown}
    busy = [each for each in serving if each.model in shown]
    lines: list[str] = []
    for name, made in (
        ("ovms_requests_success", requests(versions, models, succeeded=True)),
        ("ovms_requests_fail", requests(versions, models, succeeded=False)),
        ("ovms_request_time_us", request_times(versions)),
        ("ovms_inference_time_us", run_times(versions, waits=False)),
        ("ovms_wait_for_infer_req_time_us", run_times(versions, waits=True)),
        ("ovms_current_requests", current_requests(busy)),
        ("ovms_streams", occupancies(busy, "streams")),
        ("ovms_infer_req_queue_size", occupancies(busy, "places")),
        ("ovms_infer_req_active", occupancies(busy, "taken")),
    ):
        if name in wanted:
            lines += family(name, made)
    return "".join(f"{line}\n" for line in lines).encode()


class Value(NamedTuple):
    """One value of a family, behind the family's name and an ending."""

    labels: Labels
    value: int
    ending: str = ""


def requests(versions: Series, models: Mapping[str, Tally], *, succeeded: bool) -> Iterator[Value]:
    """Requests by what was asked and by version; those that are not about one, by model."""

    def values(tally: Tally, labels: Labels, *, versioned: bool) -> Iterator[Value]:
        counts = tally.succeeded if succeeded else tally.failed
        for call in EVERY_CALL:
            if call.versioned == versioned:
                asked = {"api": call.api, "interface": call.interface, "method": call.method}
                yield Value({**asked, **labels}, counts.get(call, 0))

    for key, series in versions.items():
        yield from values(series.tally, version_labels(*key), versioned=True)
    for name, tally in models.items():
        yield from values(tally, {"name": name}, versioned=False)


def request_times(versions: Series) -> Iterator[Value]:
    """How long requests took, by the way they came."""
    for key, series in versions.items():
        for interface, histogram in series.times.items():
            yield from buckets(histogram, {"interface": interface, **version_labels(*key)})


def run_times(versions: Series, *, waits: bool) -> Iterator[Value]:
    """How long models took, or requests waited for them."""
    for key, series in versions.items():
        histogram = series.wait if waits else series.inference
        if histogram is not None:
            yield from buckets(histogram, version_labels(*key))


def current_requests(busy: Iterable[Busy]) -> Iterator[Value]:
    """The requests in each model; a pipeline's are counted with its models."""
    for each in busy:
        if each.occupancy is not None:
            yield Value(version_labels(each.model, each.version), each.requests)


def occupancies(busy: Iterable[Busy], field: str) -> Iterator[Value]:
    """How busy models are."""
    for each in busy:
        if each.occupancy is not None:
            yield Value(version_labels(each.model, each.version), getattr(each.occupancy, field))


def buckets(histogram: Histogram, labels: Labels) -> Iterator[Value]:
    """A histogram's values."""
    total = 0
    for index, count in enumerate(histogram.buckets):
        total += count
        bound = str(BOUNDS_US[index]) if index < len(BOUNDS_US) else "+Inf"
        yield Value({**labels, "le": bound}, total, "_bucket")
    yield Value(labels, histogram.total_us, "_sum")
    yield Value(labels, total, "_count")


def version_labels(model: str, version: int) -> Labels:
    """The labels of one version."""
    return {"name": model, "version": str(version)}


def family(name: str, values: Iterable[Value]) -> Iterator[str]:
    """One family's lines; none where it has no values."""
    lines = [line(f"{name}{value.ending}", value.labels.items(), value.value) for value in values]
    if lines:
        kind, told = KINDS[name]
        yield from (f"# HELP {name} {told}", f"# TYPE {name} {kind}", *lines)
