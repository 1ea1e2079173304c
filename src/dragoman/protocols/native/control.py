"""Loading, unloading and scaling on request. The answer comes when it is done."""

from typing import Final

from dragoman.core.control import ControlResult, Load, Reload, Scale, Unload
from dragoman.core.errors import invalid
from dragoman.protocols.native.status import model_view
from dragoman.settings.limits import Limits
from dragoman.wire.document import read_document
from dragoman.wire.json_tree import JsonObject, dump
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.origin import check_origin
from dragoman.wire.percent import percent_decoded

MAX_DIGITS: Final = 19  # of a version, an int64
MOST_WORKERS: Final = 1000
SCALE_KEYS: Final = ("min_workers", "max_workers", "wait")


def parse_load(wire: WireRequest, _: Limits) -> Load:
    """The model to load, or one version of it."""
    return Load(*target(wire))


def parse_unload(wire: WireRequest, _: Limits) -> Unload:
    """The model to unload, or one version of it."""
    return Unload(*target(wire))


def parse_reload(wire: WireRequest, _: Limits) -> Reload:
    """The model to look at again, or the whole repository."""
    check_origin(wire)
    name = wire.params.get("model")
    return Reload(None if name is None else percent_decoded(name))


def parse_scale(wire: WireRequest, limits: Limits) -> Scale:
    """How many workers a model, or one version of it, is to have.

    Errors: INVALID_ARGUMENT naming the key.
    """
    model, version = target(wire)
    document = read_document(wire, limits)
    for key in document:
        if key not in SCALE_KEYS:
            raise invalid(f"{key}: there is no such key, only {', '.join(SCALE_KEYS)}")
    minimum = number(document, "min_workers", 1)
    maximum = number(document, "max_workers", minimum)
    waits = document.get("wait", True)
    if not isinstance(waits, bool):
        raise invalid("wait: it is true or false")
    return Scale(model, minimum, maximum, version, waits=waits)


def number(document: JsonObject, key: str, default: int) -> int:
    """A number of workers.

    Errors: INVALID_ARGUMENT.
    """
    value = document.get(key, default)
    if type(value) is not int or not 0 <= value <= MOST_WORKERS:
        raise invalid(f"{key}: it is a number from 0 to {MOST_WORKERS}")
    return value


def target(wire: WireRequest) -> tuple[str, int | None]:
    """The model and the version that the path names.

    Errors: INVALID_ARGUMENT for a version that is too long a number.
    """
    check_origin(wire)
    digits = wire.params.get("version")
    if digits is not None and len(digits.lstrip("0")) > MAX_DIGITS:
        raise invalid(f"{digits} is no version: it has more than {MAX_DIGITS} digits")
    return percent_decoded(wire.params["model"]), None if digits is None else int(digits)


def encode_control(result: ControlResult) -> WireResponse:
    """Every model as it is now, and whether anything has changed."""
    models = [model_view(model) for model in result.report.models.values()]
    return WireResponse(200, dump({"changed": result.changed, "models": models}))
