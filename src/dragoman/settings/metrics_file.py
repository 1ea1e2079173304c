"""A metrics file as TorchServe's `metrics_config` names it: the server's metrics, and those of handlers.

Source: TorchServe 0.12, ts/metrics/metric_cache_yaml_impl.py and ts/configs/metrics.yaml.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, ValidationError, convert, field

from dragoman.core.errors import invalid
from dragoman.settings.yaml_mapping import read_mapping

MODEL_METRICS: Final = "model_metrics"
SERVER_METRICS: Final = "ts_metrics"

Kind = Literal["counter", "gauge", "histogram"]


class DefinedMetric(msgspec.Struct, frozen=True):
    """One metric that is defined beforehand."""

    name: Annotated[str, Meta(min_length=1)]
    unit: str
    dimensions: list[str] = field(default_factory=list)


Definitions = dict[Kind, list[DefinedMetric] | None]


class MetricsFile(msgspec.Struct, frozen=True):
    """The whole file: metrics of the server, and of models' own code."""

    server: Definitions = {}
    models: Definitions = {}


def read_whole_metrics_file(text: str, file: str) -> MetricsFile:
    """What the file has under `ts_metrics` and `model_metrics`; a section that is missing has nothing.

    Errors: INVALID_ARGUMENT naming the file, and line or key, for another form.
    """
    tree = read_mapping(text, file).tree
    return MetricsFile(*(section(tree.get(key) or {}, file, key) for key in (SERVER_METRICS, MODEL_METRICS)))


def read_metrics_file(text: str, file: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """What the file has under `model_metrics`, by kind, as plain data; the server's own metrics are left.

    Errors: INVALID_ARGUMENT naming the file, and line or key, for another form.
    """
    tree = read_mapping(text, file).tree
    if MODEL_METRICS not in tree:
        raise invalid(f"{file}: the key {MODEL_METRICS} is required")
    defined = section(tree[MODEL_METRICS], file, MODEL_METRICS)
    return {kind: msgspec.to_builtins(metrics or []) for kind, metrics in defined.items()}


def section(value: Any, file: str, key: str) -> Definitions:
    """One section.

    Errors: INVALID_ARGUMENT naming the file and the key.
    """
    try:
        return convert(value, Definitions)
    except ValidationError as error:
        raise invalid(f"{file}: {key}: {error}") from error
