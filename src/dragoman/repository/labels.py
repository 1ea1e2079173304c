"""Which labels may be given while models serve.

A label leads callers to a version, so it may not be taken from a version that serves and given to one that
does not. Whether a label that nobody uses yet may name a version that is not loaded is a setting.
"""

from collections.abc import Mapping

from dragoman.core.errors import Code, DragomanError
from dragoman.core.status import ModelStatus, State, StatusReport


def check_labels(wanted: Mapping[str, Mapping[str, int]], report: StatusReport, *, before_load: bool) -> None:
    """Nothing, if every model may have these labels. Models that are not there yet have none in use.

    Errors: FAILED_PRECONDITION naming the first label's version, in TensorFlow Serving's words.
    """
    for name, labels in wanted.items():
        model = report.models.get(name)
        for label, version in labels.items():
            if not may_lead(model, label, version, before_load):
                raise DragomanError(
                    Code.FAILED_PRECONDITION,
                    f"Request to assign label to version {version} of model {name}, "
                    "which is not currently available for inference",
                )


def may_lead(model: ModelStatus | None, label: str, version: int, before_load: bool) -> bool:
    """Whether this label may lead to this version now."""
    if model is None:
        return before_load
    status = model.version(version)
    if status is not None and status.state is State.READY:
        return True
    return before_load and label not in model.labels
