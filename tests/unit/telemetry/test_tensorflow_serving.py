"""Counters under TensorFlow Serving's names."""

from dragoman.core.errors import Code, DragomanError
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.telemetry.metrics import BOUNDS_NS, Metrics
from dragoman.telemetry.tensorflow_serving import text

VERSIONS = (VersionStatus(1, State.READY), VersionStatus(2, State.FAILED), VersionStatus(3, State.LOADING))
REPORT = StatusReport({"m": ModelStatus("m", VERSIONS)})


class Guarded(dict):
    """Models of which some are closed: asking for one of them is refused, as behind a guard."""

    def __contains__(self, name):
        raise DragomanError(Code.UNAUTHENTICATED, "who are you?")


def counted(*calls, report=REPORT):
    metrics = Metrics()
    for operation, model, code, elapsed_ns in calls:
        metrics.stats(operation, model).add(code, elapsed_ns)
    return text(metrics, report).decode().splitlines()


def test_requests_are_counted_by_model_and_status_whatever_asked():
    lines = counted(
        ("tfs.rest.predict", "m", "OK", 1),
        ("tfs.grpc.predict", "m", "OK", 1),
        ("tfs.rest.classify", "m", "INVALID_ARGUMENT", 1),
    )
    assert ':tensorflow:serving:request_count{model_name="m",status="OK"} 2' in lines
    assert ':tensorflow:serving:request_count{model_name="m",status="INVALID_ARGUMENT"} 1' in lines


def test_latencies_are_cumulative_and_in_microseconds():
    lines = counted(("tfs.rest.predict", "m", "OK", BOUNDS_NS[0]), ("tfs.rest.predict", "m", "OK", 10**12))
    labels = 'model_name="m",API="predict",entrypoint="REST"'
    name = ":tensorflow:serving:request_latency"
    assert f"# TYPE {name} histogram" in lines
    assert f'{name}_bucket{{{labels},le="100"}} 1' in lines
    assert f'{name}_bucket{{{labels},le="+Inf"}} 2' in lines
    assert f"{name}_sum{{{labels}}} 1000000100" in lines
    assert f"{name}_count{{{labels}}} 2" in lines


def test_grpc_methods_have_their_own_spelling():
    lines = counted(("tfs.grpc.multi_inference", "m", "OK", 1))
    assert any('API="MultiInference",entrypoint="GRPC"' in line for line in lines)


def test_runs_of_models_are_counted_without_labels():
    lines = counted(("tfs.rest.predict", "m", "OK", 1), ("tfs.rest.regress", "m", "INTERNAL", 1))
    assert ":tensorflow:core:graph_runs 1" in lines


def test_loads_are_counted_by_their_end():
    lines = [line for line in counted() if "load_attempt_count{" in line]
    assert lines == [
        ':tensorflow:cc:saved_model:load_attempt_count{model_path="m/1",status="success"} 1',
        ':tensorflow:cc:saved_model:load_attempt_count{model_path="m/2",status="fail"} 1',
    ]


def test_models_that_the_caller_may_not_see_are_left_out():
    assert not any("hidden" in line for line in counted(("tfs.rest.predict", "hidden", "OK", 1)))


def test_other_protocols_and_refusals_are_left_out():
    lines = counted(("v2.rest.infer", "m", "OK", 1), ("tfs.refuse", "m", "NOT_FOUND", 1))
    assert not any(line.startswith(":tensorflow:serving:request_count{") for line in lines)


def test_a_models_name_is_escaped():
    metrics = Metrics()
    metrics.stats("tfs.rest.predict", 'a"b').add("OK", 1)
    report = StatusReport({'a"b': ModelStatus('a"b', ())})
    assert b'model_name="a\\"b"' in text(metrics, report)


def test_a_closed_model_is_left_out_and_not_asked_for():
    report = StatusReport(Guarded(REPORT.models))
    lines = counted(
        ("tfs.rest.predict", "closed", "OK", 1), ("tfs.rest.predict", "m", "OK", 1), report=report
    )
    assert ':tensorflow:serving:request_count{model_name="m",status="OK"} 1' in lines
    assert not any("closed" in line for line in lines)
