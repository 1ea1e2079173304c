"""Which model a path below /v1/models means."""

from typing import Final

from dragoman.core.errors import invalid
from dragoman.core.requests import Target
from dragoman.wire.messages import WireRequest
from dragoman.wire.percent import percent_decoded

MODELS: Final = "/v1/models"
VERSIONS: Final = ("", "/versions/{version:digits}", "/labels/{label}")  # what may follow a model's name
MAX_VERSION: Final = 2**63 - 1
MAX_DIGITS: Final = 19


def read_target(wire: WireRequest, signature: str | None, superset: bool) -> Target:
    """The model, version, label and signature that are asked for; no model where the path names none.

    Errors: INVALID_ARGUMENT for a version beyond 64 bits.
    """
    params = wire.params
    version = params.get("version")
    label = params.get("label")
    return Target(
        percent_decoded(params.get("model", "")),
        None if version is None else read_version(version),
        None if label is None else percent_decoded(label),
        signature,
        superset,
    )


def read_version(digits: str) -> int:
    """The number that decimal digits stand for; leading zeros do not count.

    Errors: INVALID_ARGUMENT beyond 64 bits.
    """
    significant = digits.lstrip("0") or "0"
    if len(significant) > MAX_DIGITS or int(significant) > MAX_VERSION:
        raise invalid(f"Failed to convert version: {digits} to numeric.")
    return int(significant)
