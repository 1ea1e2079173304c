"""Requests counted by version, for OpenVINO Model Server's metrics."""

from typing import Any, Final

import pytest
from msgspec.structs import replace

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.requests import Target
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.gateway.exchange import Exchange
from dragoman.gateway.version_counts import VersionCounts
from dragoman.telemetry.openvino_model_server import CALLS, OvmsMetrics
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Draft, StatusOperation
from tests.unit.gateway.operations import INFER, fail, names

REPORT: Final = StatusReport(
    {
        "m": ModelStatus("m", (VersionStatus(1, State.READY), VersionStatus(2, State.READY)), {"stable": 1}),
        "p": ModelStatus("p", (VersionStatus(1, State.FAILED, "pipeline"),)),
    }
)
PREDICT: Final = replace(INFER, name="ovms.rest.predict")
METADATA: Final = StatusOperation("ovms.rest.metadata", names, fail)
STATUS: Final = StatusOperation("ovms.grpc.status", names, fail, about=lambda _: Target("m", 1))
BROKEN: Final = invalid("broken")


class Counted:
    def __init__(self) -> None:
        self.metrics = OvmsMetrics()
        for name, version in (("m", 1), ("m", 2), ("p", 1)):
            self.metrics.series(name, version, is_pipeline=name == "p")
        self.counts = VersionCounts(self.metrics, lambda: REPORT)

    def end(self, operation: Any, error: DragomanError | None, target: Target | None = None, **params: str):
        exchange = Exchange(
            operation, WireRequest("POST", "/", "", [], b"", params), CallContext("1"), 0, False
        )
        exchange.draft = None if target is None else Draft(target)
        self.counts(exchange, WireResponse(200), error, 5_000)
        return exchange

    @property
    def found(self) -> dict[tuple[str, int], tuple[int, int]]:
        """Successes and failures by version, where there are any."""
        sums = {
            key: (sum(series.tally.succeeded.values()), sum(series.tally.failed.values()))
            for key, series in self.metrics.versions.items()
        }
        return {key: counts for key, counts in sums.items() if any(counts)}


def test_a_request_counts_with_the_version_that_answered_it() -> None:
    counted = Counted()
    exchange = Exchange(PREDICT, WireRequest("POST", "/", "", [], b""), CallContext("1"), 0, False)
    exchange.model, exchange.version = "m", 1
    counted.counts(exchange, WireResponse(200), None, 5_000)
    assert counted.found == {("m", 1): (1, 0)}


@pytest.mark.parametrize(
    ("target", "params", "version"),
    [
        (None, {"model": "m"}, ("m", 2)),  # its body could not be parsed
        (None, {"model": "m", "version": "1"}, ("m", 1)),
        (None, {"model": "m", "label": "stable"}, ("m", 1)),
        (Target("m"), {}, ("m", 2)),
        (Target("m", 0), {}, ("m", 2)),
        (Target("p", 7), {}, ("p", 1)),
    ],
)
def test_a_request_that_failed_before_counts_with_the_version_that_it_meant(
    target: Target | None, params: dict[str, str], version: tuple[str, int]
) -> None:
    counted = Counted()
    counted.end(PREDICT, BROKEN, target, **params)
    assert counted.found == {version: (0, 1)}


@pytest.mark.parametrize("params", [{}, {"model": "nobody"}, {"model": "m", "version": "9"}])
def test_a_request_for_what_there_is_not_is_not_counted(params: dict[str, str]) -> None:
    counted = Counted()
    counted.end(PREDICT, BROKEN, None, **params)
    assert counted.found == {}


def test_a_view_of_a_version_counts_with_it() -> None:
    counted = Counted()
    counted.end(METADATA, None, None, model="m")
    assert counted.found == {("m", 2): (1, 0)}


def test_a_view_whose_path_names_no_model_says_itself_which_it_is_about() -> None:
    counted = Counted()
    counted.end(STATUS, None)
    assert counted.metrics.models["m"].succeeded == {CALLS["ovms.grpc.status"]: 1}
    assert counted.found == {}


def test_a_view_of_what_cannot_be_read_is_not_counted() -> None:
    def unreadable(_: WireRequest) -> Target:
        raise DragomanError(Code.INVALID_ARGUMENT, "no message")

    counted = Counted()
    counted.end(replace(STATUS, about=unreadable), BROKEN)
    assert counted.metrics.models["m"].failed == {}


def test_other_operations_are_not_counted() -> None:
    counted = Counted()
    counted.end(INFER, None, Target("m"))
    assert counted.found == {}
