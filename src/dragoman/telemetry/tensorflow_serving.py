"""Our counters under the names that TensorFlow Serving gives its own.

Its names begin with a colon, its counters do not end in `_total`, and it prints no `# HELP`, so the text is
written here. Latencies keep the bounds in which they were counted, in microseconds.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from dragoman.core.status import State, StatusReport
from dragoman.telemetry.metrics import BOUNDS_NS, OK, CallStats, Metrics
from dragoman.telemetry.text_format import line

PROTOCOL: Final = "tfs"  # the first word of the operations that are shown
ENTRYPOINTS: Final = {"rest": "REST", "grpc": "GRPC"}
MODEL_VERBS: Final = frozenset({"predict", "classify", "regress", "multi_inference"})
SUCCESS: Final = {State.READY: "success", State.FAILED: "fail"}
Labels = tuple[tuple[str, str], ...]
Call = tuple[Sequence[str], str, CallStats]  # the operation's words, the model, what was counted


def text(metrics: Metrics, report: StatusReport) -> bytes:
    """Every family, of the models that the report shows."""
    shown = frozenset(report.models)  # listed, not asked for: whoever asks for a closed model is refused
    calls = [
        (words, model, stats)
        for (operation, model), stats in sorted(metrics.calls.items())
        if (words := operation.split("."))[0] == PROTOCOL and len(words) == 3 and model in shown
    ]
    lines = [
        *request_counts(calls),
        *request_latencies(calls),
        *graph_runs(calls),
        *load_attempts(report),
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def request_counts(calls: Sequence[Call]) -> Iterator[str]:
    """Requests by model and outcome."""
    counts: dict[Labels, int] = defaultdict(int)
    for _, model, stats in calls:
        for code, count in stats.codes.items():
            if count:
                counts[("model_name", model), ("status", code)] += count
    yield from family(":tensorflow:serving:request_count", counts)


def request_latencies(calls: Sequence[Call]) -> Iterator[str]:
    """Durations by model and way of asking."""
    name = ":tensorflow:serving:request_latency"
    yield f"# TYPE {name} histogram"
    for (_, transport, verb), model, stats in calls:
        api = verb if transport == "rest" else verb.title().replace("_", "")
        labels = (("model_name", model), ("API", api), ("entrypoint", ENTRYPOINTS[transport]))
        yield from histogram(name, labels, stats)


def histogram(name: str, labels: Labels, stats: CallStats) -> Iterator[str]:
    """One histogram in microseconds."""
    total = 0
    for index, count in enumerate(stats.buckets):
        total += count
        bound = f"{BOUNDS_NS[index] / 1e3:g}" if index < len(BOUNDS_NS) else "+Inf"
        yield line(f"{name}_bucket", (*labels, ("le", bound)), total)
    yield line(f"{name}_sum", labels, round(stats.total_ns / 1e3))
    yield line(f"{name}_count", labels, total)


def graph_runs(calls: Sequence[Call]) -> Iterator[str]:
    """Requests that the models answered, which old dashboards show as runs of a graph."""
    yield from family(
        ":tensorflow:core:graph_runs",
        {(): sum(stats.codes.get(OK, 0) for (_, _, verb), _, stats in calls if verb in MODEL_VERBS)},
    )


def load_attempts(report: StatusReport) -> Iterator[str]:
    """Versions that were loaded, and those that could not be."""
    counts: dict[Labels, int] = {}
    for model in report.models.values():
        for version in model.versions:
            if version.state in SUCCESS:
                labels = (
                    ("model_path", f"{model.name}/{version.version}"),
                    ("status", SUCCESS[version.state]),
                )
                counts[labels] = 1
    yield from family(":tensorflow:cc:saved_model:load_attempt_count", counts)


def family(name: str, counts: Mapping[Labels, int]) -> Iterator[str]:
    """One counter."""
    yield f"# TYPE {name} counter"
    for labels, count in counts.items():
        yield line(name, labels, count)
