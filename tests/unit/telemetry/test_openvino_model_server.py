"""Counters under OpenVINO Model Server's names."""

from typing import Final

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.statistics import Occupancy, Run
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.telemetry.openvino_model_server import BOUNDS_US, CALLS, OvmsMetrics, TimedStatistics
from dragoman.telemetry.openvino_text import Busy, text

REPORT: Final = StatusReport(
    {
        "m": ModelStatus("m", (VersionStatus(1, State.GONE), VersionStatus(2, State.READY))),
        "p": ModelStatus("p", (VersionStatus(1, State.READY, "pipeline"),)),
    }
)
BUSY: Final = (Busy("m", 2, 3, Occupancy(8, 1, 4)), Busy("p", 1, 2, None))
PREDICT: Final = CALLS["ovms.rest.predict"]
READY: Final = CALLS["kserve_v2.grpc.ready"]
LABELS: Final = 'api="TensorFlowServing",interface="REST",method="Predict",name="m",version="2"'


class Guarded(dict):
    """Models of which some are closed: asking for one of them is refused, as behind a guard."""

    def __contains__(self, name):
        raise DragomanError(Code.UNAUTHENTICATED, "who are you?")


def loaded():
    metrics = OvmsMetrics()
    for name, version in (("m", 1), ("m", 2), ("p", 1)):
        metrics.series(name, version, is_pipeline=name == "p")
    return metrics


def lines(metrics, *families, report=REPORT):
    return text(metrics, families, report, BUSY).decode().splitlines()


def test_the_bounds_grow_by_four_fifths_from_ten_microseconds():
    assert BOUNDS_US[:7] == (10, 18, 32, 58, 104, 188, 340)
    assert (len(BOUNDS_US), BOUNDS_US[-1]) == (33, 1474755971)


def test_every_series_is_there_from_the_load_on_with_nothing_in_it():
    shown = lines(loaded())
    assert f"ovms_requests_success{{{LABELS}}} 0" in shown
    assert f"ovms_requests_fail{{{LABELS}}} 0" in shown
    assert (
        sum(line.startswith("ovms_requests_success{") and 'name="m"' in line for line in shown) == 2 * 8 + 4
    )
    assert 'ovms_request_time_us_count{interface="gRPC",name="m",version="1"} 0' in shown
    assert 'ovms_inference_time_us_bucket{name="m",version="2",le="10"} 0' in shown
    assert "# TYPE ovms_requests_success counter" in shown
    assert "# TYPE ovms_request_time_us histogram" in shown
    assert "# TYPE ovms_streams gauge" in shown


def test_requests_are_counted_by_version_and_outcome_and_timed_where_they_succeed():
    metrics = loaded()
    metrics.count(PREDICT, "m", 2, 25_000, succeeded=True)
    metrics.count(PREDICT, "m", 2, 7_000_000, succeeded=False)
    shown = lines(metrics)
    assert f"ovms_requests_success{{{LABELS}}} 1" in shown
    assert f"ovms_requests_fail{{{LABELS}}} 1" in shown
    times = 'interface="REST",name="m",version="2"'
    assert f'ovms_request_time_us_bucket{{{times},le="18"}} 0' in shown
    assert f'ovms_request_time_us_bucket{{{times},le="32"}} 1' in shown
    assert f'ovms_request_time_us_bucket{{{times},le="+Inf"}} 1' in shown
    assert f"ovms_request_time_us_sum{{{times}}} 25" in shown


def test_a_look_at_metadata_is_counted_and_not_timed():
    metrics = loaded()
    metrics.count(CALLS["ovms.grpc.metadata"], "m", 1, 5_000, succeeded=True)
    shown = lines(metrics)
    assert any('method="GetModelMetadata",name="m",version="1"} 1' in line for line in shown)
    assert 'ovms_request_time_us_count{interface="gRPC",name="m",version="1"} 0' in shown


def test_readiness_has_no_version():
    metrics = loaded()
    metrics.count_model(READY, "m", succeeded=True)
    asked = 'api="KServe",interface="gRPC",method="ModelReady",name="m"'
    assert f"ovms_requests_success{{{asked}}} 1" in lines(metrics)


def test_what_was_never_loaded_is_not_counted():
    metrics = loaded()
    metrics.count(PREDICT, "m", 9, 1, succeeded=False)
    metrics.count_model(READY, "nobody", succeeded=False)
    assert lines(metrics) == lines(loaded())


def test_a_versions_runs_and_waits_are_counted_with_its_statistics():
    metrics = loaded()
    statistics = TimedStatistics(metrics.series("m", 2, is_pipeline=False))
    statistics.succeed(Run(infer_ns=40_000, queue_ns=11_000), 0, 0, 0, 1)
    statistics.succeed(None, 0, 0, 0, 1)  # a runner that measures nothing
    shown = lines(metrics)
    assert 'ovms_inference_time_us_sum{name="m",version="2"} 40' in shown
    assert 'ovms_wait_for_infer_req_time_us_sum{name="m",version="2"} 11' in shown
    assert 'ovms_inference_time_us_count{name="m",version="2"} 1' in shown
    assert statistics.succeeded == 2


def test_a_version_that_is_loaded_anew_goes_on_counting():
    metrics = loaded()
    metrics.count(PREDICT, "m", 2, 1, succeeded=True)
    assert metrics.series("m", 2, is_pipeline=False).tally.succeeded == {PREDICT: 1}


def test_a_pipeline_has_requests_and_times_and_leaves_the_rest_to_its_models():
    shown = [line for line in lines(loaded(), *FAMILIES) if 'name="p"' in line]
    assert {line.partition("{")[0].removesuffix("_bucket") for line in shown} == {
        "ovms_requests_success",
        "ovms_requests_fail",
        "ovms_request_time_us",
        "ovms_request_time_us_sum",
        "ovms_request_time_us_count",
    }


def test_gauges_tell_how_busy_a_model_is():
    shown = lines(loaded(), *FAMILIES)
    assert 'ovms_current_requests{name="m",version="2"} 3' in shown
    assert 'ovms_streams{name="m",version="2"} 4' in shown
    assert 'ovms_infer_req_queue_size{name="m",version="2"} 8' in shown
    assert 'ovms_infer_req_active{name="m",version="2"} 1' in shown


FAMILIES: Final = (
    "ovms_requests_success",
    "ovms_requests_fail",
    "ovms_request_time_us",
    "ovms_inference_time_us",
    "ovms_wait_for_infer_req_time_us",
    "ovms_current_requests",
    "ovms_streams",
    "ovms_infer_req_queue_size",
    "ovms_infer_req_active",
)


@pytest.mark.parametrize(
    ("families", "expected"),
    [
        ((), FAMILIES[:7]),
        (("ovms_streams",), ("ovms_streams",)),
        (("ovms_infer_req_active", "ovms_requests_fail"), ("ovms_requests_fail", "ovms_infer_req_active")),
        (("ovms_current_graphs",), ()),
    ],
)
def test_families_that_are_named_stand_for_the_usual_ones(families, expected):
    shown = lines(loaded(), *families)
    assert tuple(line.split()[2] for line in shown if line.startswith("# TYPE ")) == expected


def test_versions_that_are_not_listed_any_more_are_forgotten():
    metrics = loaded()
    metrics.forget(StatusReport({"m": ModelStatus("m", (VersionStatus(2, State.READY),))}))
    assert list(metrics.versions) == [("m", 2)]


def test_a_closed_model_is_left_out_and_not_asked_for():
    shown = lines(loaded(), *FAMILIES, report=StatusReport(Guarded({"m": REPORT.models["m"]})))
    assert shown
    assert not any('name="p"' in line for line in shown)
