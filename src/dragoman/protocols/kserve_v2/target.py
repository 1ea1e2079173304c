"""Which model a path means."""

from typing import Final

from dragoman.core.requests import Target
from dragoman.protocols.kserve_v2.errors import unknown_model
from dragoman.wire.messages import WireRequest
from dragoman.wire.percent import percent_decoded

MAX_DIGITS: Final = 19  # of a version, an int64


def read_target(wire: WireRequest) -> Target:
    """The model, and the version where the path names one.

    Errors: NOT_FOUND for a version that no model can have.
    """
    name = percent_decoded(wire.params["model"])
    version = wire.params.get("version")  # not decoded: mounts see no number in %31 either
    return Target(name, None if version is None else read_version(name, version))


def read_version(name: str, digits: str) -> int:
    """The number that a version's digits stand for.

    Errors: NOT_FOUND for what is no number that a version can have.
    """
    if not (digits.isascii() and digits.isdigit()) or len(digits.lstrip("0")) > MAX_DIGITS:
        raise unknown_model(name, digits)
    return int(digits)
