"""`POST /v1/config/reload`: the request carries nothing; whatever it does carry is not looked at."""

from dragoman.core.control import ControlResult, ReloadSettings
from dragoman.protocols.ovms.status import config
from dragoman.settings.limits import Limits
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireRequest, WireResponse


def parse_reload(_: WireRequest, __: Limits) -> ReloadSettings:
    """What is asked for, by the path alone."""
    return ReloadSettings()


def encode_reload(result: ControlResult) -> WireResponse:
    """Every model as it is now: 201 where something was reloaded, 200 where nothing had to be."""
    return WireResponse(201 if result.changed else 200, dump(config(result.report)))
