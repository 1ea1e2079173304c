"""What is counted for TorchServe's metrics, whichever protocol a call came by."""

from pathlib import Path
from typing import Any, Final

import pytest

from dragoman.assembly.builtin import protocols
from dragoman.assembly.torchserve_metrics import TorchServeFamilies
from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import Target
from dragoman.core.statistics import Run
from dragoman.core.status import StatusReport
from dragoman.gateway.exchange import Exchange
from dragoman.settings.server import MetricsSettings
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Draft, InferOperation, Operation

OPERATIONS: Final[dict[str, Operation]] = {
    route.operation.name: route.operation
    for spec in protocols()
    for table in (*spec.routes.values(), *spec.grpc.values())
    for route in table
}
NOTHING: Final = StatusReport()
BROKEN: Final = DragomanError(Code.UNAVAILABLE, "no")


def families(**settings: Any) -> TorchServeFamilies:
    return TorchServeFamilies(MetricsSettings(torchserve="prometheus", **settings), lambda: 0)


def finished(operation: str, target: Target | None, version: int | None = 1) -> Exchange:
    found = Exchange(OPERATIONS[operation], WireRequest("POST", "/", "", [], b""), CallContext("1"), 0, False)
    found.model, found.version, found.run = "m", version, Run(infer_ns=1_000_000, queue_ns=7_000_000)
    found.draft = None if target is None else Draft(target)
    return found


def shown(counted: TorchServeFamilies, name: str) -> dict[str, float]:
    """The values of a metric by the second of its labels; of one without by the first."""
    wire = WireRequest("GET", "/metrics", f"name[]={name}", [], b"")
    lines = bytes(counted.page(wire, NOTHING).body).decode().splitlines()
    samples = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    return {labels.split('"')[3]: float(value) for labels, _, value in samples}


@pytest.mark.parametrize("operation", ["torchserve.rest.predict", "kserve_v2.grpc.infer", "tfs.rest.predict"])
def test_calls_of_every_protocol_count_by_the_version_that_was_asked_for(operation: str) -> None:
    counted = families()
    assert isinstance(OPERATIONS[operation], InferOperation)
    for target in (Target("m"), Target("m", version_name="1.0"), Target("m", 3), Target("m", label="stable")):
        counted.count(finished(operation, target), WireResponse(200), None, 9_000_000)
    versions = {"default": 1.0, "1.0": 1.0, "3": 1.0, "stable": 1.0}
    assert shown(counted, "ts_inference_requests_total") == versions
    assert set(shown(counted, "ts_inference_latency_microseconds").values()) == {9000.0}
    assert set(shown(counted, "ts_queue_latency_microseconds").values()) == {7000.0}
    assert list(shown(counted, "QueueTime").values()) == [7.0]
    assert list(shown(counted, "WorkerThreadTime").values()) == [1.0]


def test_a_call_that_failed_has_no_latency_and_one_without_a_model_does_not_count() -> None:
    counted = families()
    counted.count(finished("torchserve.rest.predict", Target("m")), WireResponse(503), BROKEN, 1)
    counted.count(finished("torchserve.rest.predict", None, None), WireResponse(404), BROKEN, 1)
    assert shown(counted, "ts_inference_requests_total") == {"default": 1.0}
    assert shown(counted, "ts_inference_latency_microseconds") == {}
    assert [len(shown(counted, f"Requests{n}XX")) for n in (2, 4, 5)] == [0, 1, 1]


def test_answers_of_grpc_and_views_are_no_requests_of_a_model() -> None:
    counted = families()
    counted.count(finished("torchserve.grpc.predict", Target("m")), WireResponse(0), None, 1)
    counted.count(finished("torchserve.rest.ping", None, None), WireResponse(200), None, 1)
    counted.refused(413)
    assert [len(shown(counted, f"Requests{n}XX")) for n in (2, 4, 5)] == [1, 1, 0]
    assert shown(counted, "ts_inference_requests_total") == {"default": 1.0}


def test_a_metrics_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DragomanError, match=r"torchserve_file: .*none.yaml cannot be read: no such file"):
        families(torchserve_file=str(tmp_path / "none.yaml"))
    (tmp_path / "bad.yaml").write_text("ts_metrics: {counter: [{unit: u}]}")
    with pytest.raises(DragomanError, match=r"bad.yaml: ts_metrics: .*name"):
        families(torchserve_file=str(tmp_path / "bad.yaml"))
