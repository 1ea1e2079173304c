"""TorchServe's families: what is kept of them, and how it is shown and logged."""

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from dragoman.core.measures import MeasureKind, Measurement
from dragoman.core.status import (
    ModelStatus,
    State,
    StatusReport,
    VersionStatus,
    WorkersStatus,
    WorkerState,
    WorkerStatus,
)
from dragoman.telemetry.measures import Measures
from dragoman.telemetry.torchserve import (
    REQUESTS,
    USUAL,
    Family,
    ModelLog,
    TorchServeMetrics,
)
from dragoman.telemetry.torchserve_text import model_families, page, server_families

COUNTER, GAUGE, HISTOGRAM = MeasureKind.COUNTER, MeasureKind.GAUGE, MeasureKind.HISTOGRAM
NOTHING = StatusReport()


class Kept:
    """Metrics in a mode, with the lines that they log."""

    def __init__(self, mode: str, *families: Family) -> None:
        self.lines: list[tuple[str, float, str]] = []
        self.metrics = TorchServeMetrics(families or USUAL, mode, "h", self.write, lambda: 17.25)

    def write(self, file: str, at_s: float, line: str) -> None:
        self.lines.append((file, at_s, line))

    def page(self, *names: str, shown: Any = None) -> str:
        return page(server_families(self.metrics, NOTHING), "h", frozenset(names), shown).decode()


def report(**measures: list[Measures]) -> StatusReport:
    """Models with what their versions have measured."""
    models = {
        name: ModelStatus(
            name,
            tuple(
                VersionStatus(number, State.READY, measures=each.current)
                for number, each in enumerate(found, 1)
            ),
        )
        for name, found in measures.items()
    }
    return StatusReport(models)


def measured(name: str, value: float, kind: MeasureKind = COUNTER, **labels: str) -> Measures:
    found = Measures("m", 1)
    found.add([Measurement(name, "ms", kind, tuple(labels.items()), value, "r", 5)])
    return found


def shown_of_models(report: StatusReport, *families: Family, auto_detect: bool = False) -> str:
    known = {family.name: family for family in families}
    found = model_families(known, report, auto_detect=auto_detect)
    return page(found, "h", frozenset(), None).decode()


def test_counters_are_added_up_and_gauges_are_set_and_a_comma_follows_the_last_label() -> None:
    kept = Kept("prometheus")
    for value in (1, 2):
        kept.metrics.add(REQUESTS, value, "m", "default")
        kept.metrics.add("QueueTime", value, "Host")
    text = kept.page()
    assert 'ts_inference_requests_total{model_name="m",model_version="default",hostname="h",} 3.0\n' in text
    assert 'QueueTime{Level="Host",Hostname="h",} 2.0\n' in text
    assert "# HELP QueueTime Torchserve prometheus gauge metric with unit: Milliseconds\n" in text
    assert {family.name for family in text_string_to_metric_families(text)} >= {"CPUUtilization", "QueueTime"}


def test_labels_are_escaped() -> None:
    kept = Kept("prometheus")
    kept.metrics.add(REQUESTS, 1, 'a"b\n', "c\\")
    assert 'model_name="a\\"b\\n",model_version="c\\\\",' in kept.page(REQUESTS)


def test_what_no_file_defines_and_what_has_other_labels_is_not_kept() -> None:
    kept = Kept("prometheus", Family("A", "u", COUNTER, ("x", "Hostname")))
    kept.metrics.add("B", 1, "1")
    kept.metrics.add("A", 1, "1", "2")
    assert kept.page() == "# HELP A Torchserve prometheus counter metric with unit: u\n# TYPE A counter\n"
    assert kept.lines == []


def test_models_that_a_caller_may_not_see_are_left_out() -> None:
    kept = Kept("prometheus")
    kept.metrics.add(REQUESTS, 1, "open", "1.0")
    kept.metrics.add(REQUESTS, 1, "closed", "1.0")
    assert "closed" not in kept.page(shown={"open"})
    assert 'model_name="open"' in kept.page(shown={"open"})


def test_a_filter_is_of_names_of_samples() -> None:
    metrics = measured("T", 0.3, HISTOGRAM, Level="Model")
    found = list(model_families({}, report(m=[metrics]), auto_detect=True))
    text = page(found, "h", frozenset({"T_sum"}), None).decode()
    assert text.splitlines()[1:] == ["# TYPE T histogram", 'T_sum{Level="Model",Hostname="h",} 0.3']
    assert page(found, "h", frozenset({"T"}), None) == b""


def test_what_versions_measure_alike_comes_together() -> None:
    family = Family("N", "count", COUNTER, ("Level", "Hostname"))
    both = report(
        m=[measured("N", 2, Level="a"), measured("N", 3, Level="a")], n=[measured("N", 4, Level="b")]
    )
    lines = shown_of_models(both, family).splitlines()[2:]
    assert lines == ['N{Level="a",Hostname="h",} 5.0', 'N{Level="b",Hostname="h",} 4.0']
    time = Family("N", "ms", GAUGE, ("Level", "Hostname"))
    one = report(m=[measured("N", 2, GAUGE, Level="a"), measured("N", 3, GAUGE, Level="a")])
    assert 'N{Level="a",Hostname="h",} 3.0\n' in shown_of_models(one, time)


def test_handlers_metrics_of_another_kind_or_with_other_labels_are_left_out() -> None:
    family = Family("N", "count", COUNTER, ("Level", "Hostname"))
    for other in (measured("N", 1, GAUGE, Level="a"), measured("N", 1, Other="a"), measured("N", 1)):
        assert len(shown_of_models(report(m=[other]), family).splitlines()) == 2
    assert shown_of_models(report(m=[measured("N", 1, Level="a")])) == ""


def test_names_that_prometheus_does_not_take_are_made_to_fit() -> None:
    text = shown_of_models(report(m=[measured("a b", 1, **{"c.d": "x"})]), auto_detect=True)
    assert 'a_b{c_d="x",Hostname="h",} 1.0\n' in text


def test_workers_are_called_as_torchserve_calls_them() -> None:
    workers = tuple(WorkerStatus(str(n), WorkerState.READY, load_s=n * 0.5) for n in (0, 1))
    status = VersionStatus(1, State.READY, workers=lambda: WorkersStatus(2, 2, 2, workers), name="1.0")
    kept = Kept("prometheus")
    one = StatusReport({"m": ModelStatus("m", (status,))})
    text = page(server_families(kept.metrics, one), "h", {"WorkerLoadTime"}, None).decode()
    assert text.splitlines()[2:] == [
        'WorkerLoadTime{WorkerName="W-9001-m_1.0",Level="Host",Hostname="h",} 500.0'
    ]


def test_in_the_logs_mode_every_value_is_a_line() -> None:
    kept = Kept("log")
    kept.metrics.add(REQUESTS, 1, "m", "default")
    told = f"{REQUESTS}.Count:1.0|#model_name:m,model_version:default|#hostname:h,timestamp:17"
    assert kept.lines == [("ts_metrics.log", 17.25, told)]
    assert kept.page() == ""


def test_in_the_legacy_mode_three_are_shown() -> None:
    kept = Kept("legacy")
    kept.metrics.add(REQUESTS, 1, "m", "default")
    kept.metrics.add("QueueTime", 1, "Host")
    assert 'model_name="m"' in kept.page()
    assert [line.partition(".")[0] for _, _, line in kept.lines] == ["QueueTime"]


def test_what_handlers_measure_is_logged_with_the_request_and_the_units_of_the_file() -> None:
    kept = Kept("log")
    family = Family("N", "Count", COUNTER, ("Level", "Hostname"))
    log = ModelLog({"N": family}, "h", kept.write, auto_detect=False)
    values = [Measurement("N", "count", COUNTER, (("Level", "Model"),), 2, "r", 5)]
    log([*values, Measurement("other", "count", COUNTER, (), 1)])
    told = "N.Count:2.0|#Level:Model|#hostname:h,requestID:r,timestamp:5"
    assert kept.lines == [("model_metrics.log", 5, told)]
    ModelLog({}, "h", kept.write, auto_detect=True)([Measurement("other", "count", COUNTER, (), 1, None, 6)])
    assert kept.lines[1:] == [("model_metrics.log", 6, "other.count:1.0|#|#hostname:h,timestamp:6")]
