"""OpenVINO Model Server's families of metrics: what counts for them, and what prints them."""

from collections.abc import Callable, Iterable

from dragoman.core.statistics import VersionStatistics
from dragoman.core.status import StatusReport
from dragoman.gateway.version_counts import VersionCounts
from dragoman.repository.handle import Handle
from dragoman.repository.source import Candidate
from dragoman.settings.server import MetricsSettings
from dragoman.telemetry.openvino_model_server import OvmsMetrics, TimedStatistics
from dragoman.telemetry.openvino_text import Busy, text


class OvmsFamilies:
    """The families of one process. `report` = all models; `serving` = the versions that serve."""

    def __init__(
        self,
        settings: MetricsSettings,
        report: Callable[[], StatusReport],
        serving: Callable[[], Iterable[Handle]],
    ) -> None:
        self._families = frozenset(settings.ovms_families)
        self._metrics = OvmsMetrics()
        self._report = report
        self._serving = serving
        self.count = VersionCounts(self._metrics, report)

    def statistics(self, candidate: Candidate) -> VersionStatistics:
        """The counters of a version that is loaded."""
        is_pipeline = candidate.pipeline is not None
        series = self._metrics.series(candidate.model, candidate.version, is_pipeline=is_pipeline)
        return VersionStatistics() if is_pipeline else TimedStatistics(series)

    def text(self, report: StatusReport) -> bytes:
        """The families of the models that a caller may see."""
        self._metrics.forget(self._report())
        busy = [Busy(one.model, one.version, one.pins, one.runner.occupancy()) for one in self._serving()]
        return text(self._metrics, self._families, report, busy)
