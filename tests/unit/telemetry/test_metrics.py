"""Counters and their export."""

from prometheus_client.parser import text_string_to_metric_families

from dragoman.core.errors import Code
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.telemetry.metrics import BOUNDS_NS, Metrics, exposition, make_registry

VERSIONS = (VersionStatus(1, State.READY), VersionStatus(2, State.FAILED))
REPORT = StatusReport({"m": ModelStatus("m", VERSIONS)})


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = exposition(make_registry(metrics, lambda: REPORT)).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_finished_calls_are_counted_by_operation_model_and_code() -> None:
    metrics = Metrics()
    metrics.stats("tfs.predict", "m").add("OK", 1_000)
    metrics.stats("tfs.predict", "m").add("OK", 2_000)
    metrics.stats("tfs.predict", "m").add(Code.INTERNAL.name, 3_000)
    found = samples(metrics)
    labels = (("model", "m"), ("operation", "tfs.predict"))
    assert found["dragoman_requests_total", (("code", "OK"), *labels)] == 2
    assert found["dragoman_requests_total", (("code", "INTERNAL"), *labels)] == 1
    assert found["dragoman_request_seconds_count", labels] == 3
    assert found["dragoman_request_seconds_sum", labels] == 6e-6


def test_latency_buckets_are_cumulative_and_their_bounds_belong_to_them() -> None:
    metrics = Metrics()
    for elapsed in (BOUNDS_NS[0], BOUNDS_NS[0] + 1, BOUNDS_NS[-1] + 1):
        metrics.stats("o", "m").add("OK", elapsed)
    found = samples(metrics)
    bucket = {
        dict(labels)["le"]: value
        for (name, labels), value in found.items()
        if name == "dragoman_request_seconds_bucket"
    }
    assert (bucket["0.0001"], bucket["0.00025"], bucket["10.0"], bucket["+Inf"]) == (1, 2, 2, 3)


def test_requests_refused_before_a_route_are_counted_by_status() -> None:
    metrics = Metrics()
    metrics.refuse(431)
    assert samples(metrics)["dragoman_refused_requests_total", (("status", "431"),)] == 1


def test_each_version_is_in_exactly_one_state() -> None:
    found = samples(Metrics())
    states = {
        (dict(labels)["version"], dict(labels)["state"])
        for (name, labels), value in found.items()
        if name == "dragoman_model_state" and value == 1
    }
    assert states == {("1", "ready"), ("2", "failed")}
