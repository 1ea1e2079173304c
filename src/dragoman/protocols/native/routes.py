"""The route table."""

from typing import Final

from dragoman.protocols.native.errors import fail, refuse
from dragoman.protocols.native.status import health, models, readiness
from dragoman.wire.operation import HttpRoute, ProtocolSpec, StatusOperation

HEALTH: Final = StatusOperation("native.health", health, fail, permission=None)
READINESS: Final = StatusOperation("native.readiness", readiness, fail, permission=None)
MODELS: Final = StatusOperation("native.models", models, fail)

ROUTES: Final = (
    HttpRoute("GET", "/healthz", HEALTH),
    HttpRoute("GET", "/readyz", READINESS),
    HttpRoute("GET", "/dragoman/models", MODELS),
)

PROTOCOL: Final = ProtocolSpec(
    name="native", prefixes=("/dragoman/",), routes={"superset": ROUTES}, refuse=refuse
)
