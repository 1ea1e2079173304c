"""Finished requests, counted by the version that they were about, for OpenVINO Model Server's metrics.

A request that failed before it had a version is counted with the one that it would have reached, as far as
that can be told; one for a version that there never was is not counted.
"""

from collections.abc import Callable

from dragoman.core.errors import DragomanError
from dragoman.core.requests import Target
from dragoman.core.status import ModelStatus, StatusReport
from dragoman.gateway.exchange import Exchange
from dragoman.telemetry.openvino_model_server import CALLS, OvmsMetrics
from dragoman.wire.messages import WireResponse
from dragoman.wire.operation import Draft, StatusOperation
from dragoman.wire.percent import percent_decoded


class VersionCounts:
    """Told of each finished request."""

    def __init__(self, metrics: OvmsMetrics, report: Callable[[], StatusReport]) -> None:
        self._metrics = metrics
        self._report = report

    def __call__(
        self, exchange: Exchange, _: WireResponse, error: DragomanError | None, took_ns: int
    ) -> None:
        """Count it, where it is one of those that are counted."""
        call = CALLS.get(exchange.operation.name)
        if call is None:
            return
        succeeded = error is None
        if exchange.version is not None:
            self._metrics.count(call, exchange.model, exchange.version, took_ns, succeeded=succeeded)
            return
        target = target_of(exchange)
        model = None if target is None else self._report().models.get(target.model)
        if target is None or model is None:
            return
        if not call.versioned:
            self._metrics.count_model(call, model.name, succeeded=succeeded)
        elif (version := meant(target, model)) is not None:
            self._metrics.count(call, model.name, version, took_ns, succeeded=succeeded)


def target_of(exchange: Exchange) -> Target | None:
    """What a request is about, as far as it can be read."""
    operation, wire = exchange.operation, exchange.wire
    if isinstance(exchange.draft, Draft):
        return exchange.draft.target
    if isinstance(operation, StatusOperation) and operation.about is not None:
        try:
            return operation.about(wire)
        except DragomanError:
            return None
    name = wire.params.get("model")
    if name is None:
        return None
    version = wire.params.get("version")
    label = wire.params.get("label")
    return Target(
        percent_decoded(name),
        int(version) if version is not None and version.isdecimal() else None,
        None if label is None else percent_decoded(label),
    )


def meant(target: Target, model: ModelStatus) -> int | None:
    """The version that is meant; None = there is none."""
    if model.is_pipeline:
        return model.versions[-1].version
    number = target.version or None
    if target.label is not None:
        number = model.labels.get(target.label)
    if number is not None:
        return number
    return None if model.latest_ready is None else model.latest_ready.version
