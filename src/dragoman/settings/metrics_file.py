"""A metrics file as TorchServe's `metrics_config` names it: the metrics that handlers find defined.

Source: TorchServe 0.12, ts/metrics/metric_cache_yaml_impl.py and ts/configs/metrics.yaml.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, ValidationError, convert, field

from dragoman.core.errors import invalid
from dragoman.settings.yaml_mapping import read_mapping

MODEL_METRICS: Final = "model_metrics"

Kind = Literal["counter", "gauge", "histogram"]


class DefinedMetric(msgspec.Struct, frozen=True):
    """One metric that is defined beforehand."""

    name: Annotated[str, Meta(min_length=1)]
    unit: str
    dimensions: list[str] = field(default_factory=list)


Definitions = dict[Kind, list[DefinedMetric] | None]


def read_metrics_file(text: str, file: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """What the file has under `model_metrics`, by kind, as plain data; the server's own metrics are left.

    Errors: INVALID_ARGUMENT naming the file, and line or key, for another form.
    """
    tree = read_mapping(text, file).tree
    if MODEL_METRICS not in tree:
        raise invalid(f"{file}: the key {MODEL_METRICS} is required")
    try:
        defined = convert(tree[MODEL_METRICS], Definitions)
    except ValidationError as error:
        raise invalid(f"{file}: {MODEL_METRICS}: {error}") from error
    return {kind: msgspec.to_builtins(metrics or []) for kind, metrics in defined.items()}
