"""What models' own code measures, kept and shown."""

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from dragoman.core.measures import Measure, MeasureKind, Measurement
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.telemetry.measures import BOUNDS, MOST_SERIES, Measures
from dragoman.telemetry.metrics import Metrics, exposition, make_registry

COUNTER, GAUGE, HISTOGRAM = MeasureKind


def measured(name: str, kind: MeasureKind, *values: float, **labels: str) -> list[Measurement]:
    return [Measurement(name, "ms", kind, tuple(labels.items()), value) for value in values]


def only(*measurements: Measurement) -> Measure:
    measures = Measures("m", 1)
    measures.add(measurements)
    (found,) = measures.current()
    return found


def shown(**models: list[Measurement]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """The lines of /metrics that are handlers'."""
    statuses = {}
    for name, measurements in models.items():
        measures = Measures(name, 1)
        measures.add(measurements)
        statuses[name] = ModelStatus(name, (VersionStatus(1, State.READY, measures=measures.current),))
    text = exposition(make_registry(Metrics(), lambda: StatusReport(statuses))).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("dragoman_handler_")
    }


def test_a_counters_values_add_up() -> None:
    assert only(*measured("c", COUNTER, 1, 2)).value == 3


def test_of_a_gauges_values_the_last_counts() -> None:
    assert only(*measured("g", GAUGE, 5, 2)).value == 2


def test_a_histograms_values_are_counted_by_size() -> None:
    found = only(*measured("h", HISTOGRAM, BOUNDS[0], 100.0))
    assert (found.count, found.value, found.buckets[0], found.buckets[-1]) == (2, 100.005, 1, 1)


def test_each_set_of_labels_is_apart() -> None:
    measures = Measures("m", 1)
    measures.add([*measured("c", COUNTER, 1, a="x"), *measured("c", COUNTER, 2, a="y")])
    assert [measure.value for measure in measures.current()] == [1, 2]


def test_code_that_makes_up_labels_is_stopped_with_one_line_in_the_log() -> None:
    measures = Measures("m", 1)
    with structlog.testing.capture_logs() as logs:
        for number in range(MOST_SERIES + 10):
            measures.add(measured("c", COUNTER, 1, user=str(number)))
    assert len(measures.current()) == MOST_SERIES
    assert [log["event"] for log in logs] == ["metrics left out"]


def test_prometheus_is_shown_them_with_model_version_and_unit() -> None:
    found = shown(m=[*measured("Handler Time", GAUGE, 1.5, Level="Model"), *measured("c", COUNTER, 2)])
    own = (("model", "m"), ("unit", "ms"), ("version", "1"))
    assert found == {
        ("dragoman_handler_Handler_Time", (("Level", "Model"), *own)): 1.5,
        ("dragoman_handler_c_total", own): 2.0,
    }


def test_a_histogram_is_shown_with_cumulative_buckets() -> None:
    found = shown(m=measured("h", HISTOGRAM, 0.001, 0.02, 99))
    buckets = {
        dict(labels)["le"]: value for (name, labels), value in found.items() if name.endswith("bucket")
    }
    assert (buckets["0.005"], buckets["0.025"], buckets["10.0"], buckets["+Inf"]) == (1, 2, 2, 3)
    own = (("model", "m"), ("unit", "ms"), ("version", "1"))
    assert found["dragoman_handler_h_count", own] == 3


@pytest.mark.parametrize("label", ["model", "version", "unit", "le", "__name__", "1st"])
def test_labels_that_say_something_else_are_renamed(label: str) -> None:
    ((_, labels),) = shown(m=measured("g", GAUGE, 1, **{label: "x"}))
    assert dict(labels)[f"handler_{label}"] == "x"
    assert dict(labels)["model"] == "m"


def test_one_name_of_two_kinds_is_shown_once() -> None:
    found = shown(a=measured("x", COUNTER, 1), b=[*measured("x", GAUGE, 1), *measured("x_total", GAUGE, 1)])
    assert [name for name, _ in found] == ["dragoman_handler_x_total"]


def test_the_same_metric_of_two_models_is_one_family() -> None:
    found = shown(a=measured("x", COUNTER, 1), b=measured("x", COUNTER, 2))
    assert {dict(labels)["model"]: value for (_, labels), value in found.items()} == {"a": 1, "b": 2}
