"""The routes of Triton's extensions for operators: repository, statistics, settings, shared memory."""

from functools import partial
from typing import Final

from dragoman.core.access import Permission
from dragoman.protocols.kserve_v2.configuration import answer_configuration
from dragoman.protocols.kserve_v2.control import (
    encode_load,
    encode_unload,
    fail_load,
    fail_unload,
    parse_load,
    parse_unload,
)
from dragoman.protocols.kserve_v2.errors import fail_status
from dragoman.protocols.kserve_v2.index import answer_index, answer_named_repository
from dragoman.protocols.kserve_v2.logging_settings import (
    encode_settings,
    fail_settings,
    parse_change,
    parse_question,
)
from dragoman.protocols.kserve_v2.shared_memory import (
    CUDA,
    SYSTEM,
    answer_regions,
    answer_register,
    answer_unregistered,
)
from dragoman.protocols.kserve_v2.statistics import answer_all_statistics, answer_statistics
from dragoman.protocols.kserve_v2.tracing import answer_change, answer_settings
from dragoman.wire.operation import ControlOperation, HttpRoute, StatusOperation

MODEL: Final = "/v2/models/{model}"
VERSION: Final = f"{MODEL}/versions/{{version}}"

STATISTICS: Final = StatusOperation(
    "kserve_v2.rest.statistics", answer_statistics, fail_status, Permission.METRICS
)
ALL_STATISTICS: Final = StatusOperation(
    "kserve_v2.rest.all_statistics", answer_all_statistics, fail_status, Permission.METRICS
)
CONFIGURATION: Final = StatusOperation("kserve_v2.rest.configuration", answer_configuration, fail_status)

INDEX: Final = StatusOperation("kserve_v2.rest.index", answer_index, fail_status)
LOAD: Final = ControlOperation("kserve_v2.rest.load", parse_load, encode_load, fail_load)
UNLOAD: Final = ControlOperation("kserve_v2.rest.unload", parse_unload, encode_unload, fail_unload)
NAMED_REPOSITORY: Final = StatusOperation(
    "kserve_v2.rest.named_repository", answer_named_repository, fail_status, permission=None
)
TRACING: Final = StatusOperation("kserve_v2.rest.trace_settings", answer_settings, fail_status)
TRACE: Final = StatusOperation("kserve_v2.rest.trace", answer_change, fail_status)
LOGGING: Final = ControlOperation(
    "kserve_v2.rest.log_settings", parse_question, encode_settings, fail_settings
)
LOG: Final = ControlOperation("kserve_v2.rest.log", parse_change, encode_settings, fail_settings)
REGIONS: Final = StatusOperation("kserve_v2.rest.regions", answer_regions, fail_status, permission=None)
UNREGISTER: Final = StatusOperation(
    "kserve_v2.rest.unregister", answer_unregistered, fail_status, permission=None
)

REPOSITORY: Final = "/v2/repository"
REPOSITORY_ROUTES: Final = (
    HttpRoute("POST", f"{REPOSITORY}/index", INDEX),
    HttpRoute("POST", f"{REPOSITORY}/models/{{model}}/load", LOAD),
    HttpRoute("POST", f"{REPOSITORY}/models/{{model}}/unload", UNLOAD),
    *(
        HttpRoute("POST", f"{REPOSITORY}/{{repository}}/{path}", NAMED_REPOSITORY)
        for path in ("index", "models/{name}/load", "models/{name}/unload")
    ),
)
TRACE_ROUTES: Final = tuple(
    HttpRoute(method, f"{path}/trace/setting", operation)
    for path in ("/v2", MODEL)
    for method, operation in (("GET", TRACING), ("POST", TRACE))
)


def memory_routes(kind: str) -> tuple[HttpRoute, ...]:
    """The calls for one kind of shared memory."""
    word = kind.lower()
    memory = f"/v2/{word}sharedmemory"
    register = StatusOperation(
        f"kserve_v2.rest.register_{word}", partial(answer_register, kind), fail_status, permission=None
    )
    return (
        HttpRoute("GET", f"{memory}/status", REGIONS),
        HttpRoute("GET", f"{memory}/region/{{region}}/status", REGIONS),
        HttpRoute("POST", f"{memory}/region/{{region}}/register", register),
        HttpRoute("POST", f"{memory}/region/{{region}}/unregister", UNREGISTER),
        HttpRoute("POST", f"{memory}/unregister", UNREGISTER),
    )


OPERATOR_ROUTES: Final = (
    HttpRoute("GET", "/v2/models/stats", ALL_STATISTICS),  # wins over a model of that name
    HttpRoute("GET", f"{MODEL}/stats", STATISTICS),
    HttpRoute("GET", f"{VERSION}/stats", STATISTICS),
    HttpRoute("GET", f"{MODEL}/config", CONFIGURATION),
    HttpRoute("GET", f"{VERSION}/config", CONFIGURATION),
    *REPOSITORY_ROUTES,
    *TRACE_ROUTES,
    HttpRoute("GET", "/v2/logging", LOGGING),
    HttpRoute("POST", "/v2/logging", LOG),
    *memory_routes(SYSTEM),
    *memory_routes(CUDA),
)
