"""Texts under way and those there were, for Prometheus."""

from prometheus_client.parser import text_string_to_metric_families

from dragoman.core.statistics import TextCounts
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.telemetry.metrics import Metrics, exposition, make_registry


def shown(*versions: VersionStatus) -> dict[str, tuple[str, dict[str, str], float]]:
    """The kind, labels and value of each line that is about texts."""
    report = StatusReport({"m": ModelStatus("m", versions)})
    text = exposition(make_registry(Metrics(), lambda: report)).decode()
    return {
        sample.name: (family.type, sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("dragoman_text_")
    }


def test_what_becomes_of_texts_is_told_by_version() -> None:
    labels = {"model": "m", "version": "2"}
    version = VersionStatus(2, State.READY, texts=lambda: TextCounts(8, 3, 1, 40, 5, 2, 700, 9000))
    assert shown(VersionStatus(1, State.READY), version) == {
        "dragoman_text_places": ("gauge", labels, 8),
        "dragoman_text_running": ("gauge", labels, 3),
        "dragoman_text_waiting": ("gauge", labels, 1),
        "dragoman_text_finished_total": ("counter", labels, 40),
        "dragoman_text_cancelled_total": ("counter", labels, 5),
        "dragoman_text_failed_total": ("counter", labels, 2),
        "dragoman_text_prompt_tokens_total": ("counter", labels, 700),
        "dragoman_text_tokens_total": ("counter", labels, 9000),
    }


def test_nothing_is_told_of_texts_where_no_model_writes_any() -> None:
    assert shown(VersionStatus(1, State.READY)) == {}
