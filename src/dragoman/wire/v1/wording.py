"""KServe's sentences for failures that it has sentences for.

Source: kserve/kserve `python/kserve/kserve/errors.py`. What the core words for itself passes through; where
KServe answers 500 to a request that is wrong, the answer here is 400.
"""

from dragoman.core.errors import NO_MODEL, NO_VERSION, NOT_READY, Code, DragomanError, Reason, invalid
from dragoman.core.requests import Target


def reworded(target: Target, error: DragomanError) -> DragomanError:
    """The error as KServe words it, where it has words of its own."""
    if error.reason in NO_MODEL:
        return unknown_model(target.model)
    if error.reason in NO_VERSION or error.reason is Reason.LABEL_UNKNOWN:
        return unknown_version(target)
    if error.reason in NOT_READY:
        return not_ready(target.model, error.retry_after_s)
    if error.reason is Reason.SIGNATURE_UNKNOWN:  # a 404 would say that the model is not there
        return invalid(error.message)
    return error


def unknown_model(name: str) -> DragomanError:
    """The error for a model that there is not."""
    return DragomanError(
        Code.NOT_FOUND, f"Model with name {name} does not exist.", reason=Reason.MODEL_UNKNOWN
    )


def unknown_version(target: Target) -> DragomanError:
    """The error for a version or a label that a model does not have."""
    what = f"version {target.version}" if target.label is None else f"version label {target.label}"
    return DragomanError(
        Code.NOT_FOUND, f"Model with name {target.model} has no {what}.", reason=Reason.VERSION_UNKNOWN
    )


def not_ready(name: str, retry_after_s: float | None = None) -> DragomanError:
    """The error for a model that is known and does not serve."""
    return DragomanError(
        Code.UNAVAILABLE,
        f"Model with name {name} is not ready.",
        reason=Reason.MODEL_NOT_READY,
        retry_after_s=retry_after_s,
    )


def bad_event(what: str) -> DragomanError:
    """The error for what says that it is an event and is none."""
    return invalid(f"Cloud Event Exceptions: {what}")
