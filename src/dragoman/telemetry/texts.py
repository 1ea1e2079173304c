"""Prometheus' families of the models that write text."""

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from dragoman.core.status import StatusReport

VERSION: Final = ("model", "version")
# By the fields of `TextCounts`.
GAUGES: Final = {
    "places": "Texts that the model writes at once.",
    "running": "Texts that are being written.",
    "waiting": "Texts that are in line for a place.",
}
COUNTERS: Final = {
    "finished": "Texts that came to their end.",
    "cancelled": "Texts that nobody waited for any more.",
    "failed": "Texts that the engine failed at.",
    "prompt_tokens": "Tokens of the prompts of texts that were begun.",
    "tokens": "Tokens written.",
}


def families(report: Callable[[], StatusReport]) -> Iterator[Metric]:
    """What is known of each version's texts; nothing where no model writes any."""
    told = [
        ([model.name, str(version.version)], version.texts())
        for model in report().models.values()
        for version in model.versions
        if version.texts is not None
    ]
    if not told:
        return
    for kind, fields in ((GaugeMetricFamily, GAUGES), (CounterMetricFamily, COUNTERS)):
        for field, words in fields.items():
            family = kind(f"dragoman_text_{field}", words, labels=VERSION)
            for labels, counts in told:
                family.add_metric(labels, getattr(counts, field))
            yield family
