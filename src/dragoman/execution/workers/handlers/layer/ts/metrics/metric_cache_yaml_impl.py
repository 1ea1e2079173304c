"""Metrics that a file in YAML defines."""

from typing import Any

from ts.metrics.metric_cache import MetricsCache
from ts.metrics.metric_cache_errors import (
    MetricsCacheIOError,
    MetricsCacheKeyError,
    MetricsCachePyYamlError,
    MetricsCacheTypeError,
)


class MetricsCacheYamlImpl(MetricsCache):
    """Reads `model_metrics` of the file; `initialize_cache` makes the metrics."""

    def __init__(self, config_file_path: str) -> None:
        if not config_file_path:
            raise MetricsCacheTypeError("there has to be a metrics file")
        super().__init__(None, config_file_path)
        self._parsed_file = parsed(config_file_path)

    def initialize_cache(self) -> None:
        """Make the metrics that the file defines.

        Errors: MetricsCacheKeyError, MetricsCacheValueError for a file of another form.
        """
        if not isinstance(self._parsed_file, dict) or "model_metrics" not in self._parsed_file:
            raise MetricsCacheKeyError("the metrics file has no key model_metrics")
        self._definitions = self._parsed_file["model_metrics"]
        super().initialize_cache()


def parsed(path: str) -> Any:
    """What the file says.

    Errors: MetricsCachePyYamlError, MetricsCacheIOError.
    """
    import yaml

    try:
        with open(path, encoding="utf-8") as file:
            return yaml.safe_load(file)
    except yaml.YAMLError as error:
        raise MetricsCachePyYamlError(f"the metrics file is no YAML: {error}") from error
    except OSError as error:
        raise MetricsCacheIOError(f"the metrics file cannot be read: {error}") from error
