"""The route table."""

from typing import Final

from dragoman.core.requests import Verb
from dragoman.protocols.kserve_v2.effort import bytes_to_read, bytes_to_write
from dragoman.protocols.kserve_v2.errors import fail, fail_status, refuse
from dragoman.protocols.kserve_v2.grpc_routes import grpc_routes
from dragoman.protocols.kserve_v2.openapi import (
    answer_document,
    answer_model_document,
    answer_model_page,
    answer_page,
)
from dragoman.protocols.kserve_v2.operator_routes import OPERATOR_ROUTES
from dragoman.protocols.kserve_v2.rest import bind_infer, encode_infer, parse_infer
from dragoman.protocols.kserve_v2.status import (
    answer_live,
    answer_metadata,
    answer_models,
    answer_ready,
    answer_server_metadata,
    answer_server_ready,
)
from dragoman.wire.operation import HttpRoute, InferOperation, ProtocolSpec, StatusOperation

MODEL: Final = "/v2/models/{model}"
VERSION: Final = f"{MODEL}/versions/{{version:digits}}"

LIVE: Final = StatusOperation("kserve_v2.rest.live", answer_live, fail_status, permission=None)
SERVER_READY: Final = StatusOperation(
    "kserve_v2.rest.server_ready", answer_server_ready, fail_status, permission=None
)
SERVER: Final = StatusOperation("kserve_v2.rest.server", answer_server_metadata, fail_status, permission=None)
MODELS: Final = StatusOperation("kserve_v2.rest.models", answer_models, fail_status)
METADATA: Final = StatusOperation("kserve_v2.rest.metadata", answer_metadata, fail_status)
READY: Final = StatusOperation("kserve_v2.rest.ready", answer_ready, fail_status)
INFER: Final = InferOperation(
    name="kserve_v2.rest.infer",
    verb=Verb.INFER,
    parse=parse_infer,
    bind=bind_infer,
    encode=encode_infer,
    fail=fail,
    one_part=True,
    reading=bytes_to_read,
    writing=bytes_to_write,
)

SERVER_ROUTES: Final = (
    HttpRoute("GET", "/v2", SERVER),
    HttpRoute("GET", "/v2/", SERVER),
    HttpRoute("GET", "/v2/health/live", LIVE),
    HttpRoute("GET", "/v2/health/ready", SERVER_READY),
    HttpRoute("GET", "/v2/models", MODELS),
)
MODEL_ROUTES: Final = (
    HttpRoute("GET", MODEL, METADATA),
    HttpRoute("GET", VERSION, METADATA),
    HttpRoute("GET", f"{MODEL}/ready", READY),
    HttpRoute("GET", f"{VERSION}/ready", READY),
    HttpRoute("POST", f"{MODEL}/infer", INFER),
    HttpRoute("POST", f"{VERSION}/infer", INFER),
)
DOCS: Final = StatusOperation("kserve_v2.rest.docs", answer_page, fail_status, permission=None)
DOCUMENT: Final = StatusOperation("kserve_v2.rest.document", answer_document, fail_status)
MODEL_DOCS: Final = StatusOperation("kserve_v2.rest.model_docs", answer_model_page, fail_status)
MODEL_DOCUMENT: Final = StatusOperation("kserve_v2.rest.model_document", answer_model_document, fail_status)
DOCS_ROUTES: Final = (  # MLServer's paths
    HttpRoute("GET", "/v2/docs", DOCS),
    HttpRoute("GET", "/v2/docs/dataplane.json", DOCUMENT),
    HttpRoute("GET", f"{MODEL}/docs", MODEL_DOCS),
    HttpRoute("GET", f"{MODEL}/docs/dataplane.json", MODEL_DOCUMENT),
    HttpRoute("GET", f"{VERSION}/docs", MODEL_DOCS),
    HttpRoute("GET", f"{VERSION}/docs/dataplane.json", MODEL_DOCUMENT),
)

PROTOCOL: Final = ProtocolSpec(
    name="kserve_v2",
    prefixes=("/v2/",),
    routes={"superset": (*SERVER_ROUTES, *MODEL_ROUTES, *DOCS_ROUTES, *OPERATOR_ROUTES)},
    refuse=refuse,
    grpc={"superset": tuple(grpc_routes())},
)
