"""The routes of Triton's extensions for operators: statistics, configuration, the model repository."""

from typing import Final

from dragoman.core.access import Permission
from dragoman.protocols.kserve_v2.configuration import answer_configuration
from dragoman.protocols.kserve_v2.errors import fail_status
from dragoman.protocols.kserve_v2.statistics import answer_all_statistics, answer_statistics
from dragoman.wire.operation import HttpRoute, StatusOperation

MODEL: Final = "/v2/models/{model}"
VERSION: Final = f"{MODEL}/versions/{{version:digits}}"

STATISTICS: Final = StatusOperation(
    "kserve_v2.rest.statistics", answer_statistics, fail_status, Permission.METRICS
)
ALL_STATISTICS: Final = StatusOperation(
    "kserve_v2.rest.all_statistics", answer_all_statistics, fail_status, Permission.METRICS
)
CONFIGURATION: Final = StatusOperation("kserve_v2.rest.configuration", answer_configuration, fail_status)

OPERATOR_ROUTES: Final = (
    HttpRoute("GET", "/v2/models/stats", ALL_STATISTICS),  # wins over a model of that name
    HttpRoute("GET", f"{MODEL}/stats", STATISTICS),
    HttpRoute("GET", f"{VERSION}/stats", STATISTICS),
    HttpRoute("GET", f"{MODEL}/config", CONFIGURATION),
    HttpRoute("GET", f"{VERSION}/config", CONFIGURATION),
)
