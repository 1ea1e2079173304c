"""The route table."""

from typing import Final

from dragoman.protocols.native.control import (
    encode_control,
    parse_load,
    parse_reload,
    parse_scale,
    parse_unload,
)
from dragoman.protocols.native.errors import fail, refuse
from dragoman.protocols.native.status import health, models, readiness, show
from dragoman.wire.operation import ControlOperation, HttpRoute, ProtocolSpec, StatusOperation

HEALTH: Final = StatusOperation("native.health", health, fail, permission=None)
READINESS: Final = StatusOperation("native.readiness", readiness, fail, permission=None)
MODELS: Final = StatusOperation("native.models", models, fail)
SHOW: Final = StatusOperation("native.show", show, fail)
LOAD: Final = ControlOperation("native.load", parse_load, encode_control, fail)
UNLOAD: Final = ControlOperation("native.unload", parse_unload, encode_control, fail)
RELOAD: Final = ControlOperation("native.reload", parse_reload, encode_control, fail)
SCALE: Final = ControlOperation("native.scale", parse_scale, encode_control, fail)

ROUTES: Final = (
    HttpRoute("GET", "/healthz", HEALTH),
    HttpRoute("GET", "/readyz", READINESS),
    HttpRoute("GET", "/dragoman/models", MODELS),
    HttpRoute("GET", "/dragoman/models/{model}", SHOW),
    HttpRoute("POST", "/dragoman/models/{model}:load", LOAD),
    HttpRoute("POST", "/dragoman/models/{model}:unload", UNLOAD),
    HttpRoute("POST", "/dragoman/models/{model}:reload", RELOAD),
    HttpRoute("POST", "/dragoman/models/{model}/versions/{version:digits}:load", LOAD),
    HttpRoute("POST", "/dragoman/models/{model}/versions/{version:digits}:unload", UNLOAD),
    HttpRoute("POST", "/dragoman/models/{model}:scale", SCALE),
    HttpRoute("POST", "/dragoman/models/{model}/versions/{version:digits}:scale", SCALE),
    HttpRoute("POST", "/dragoman:reload", RELOAD),
)

PROTOCOL: Final = ProtocolSpec(
    name="native", prefixes=("/dragoman/",), routes={"superset": ROUTES}, refuse=refuse
)
