"""The route table."""

from functools import partial
from typing import Final

from dragoman.core.requests import Verb
from dragoman.protocols.kserve_v2.effort import bytes_to_read, bytes_to_write
from dragoman.protocols.kserve_v2.errors import fail, fail_status, refuse
from dragoman.protocols.kserve_v2.example import make_example
from dragoman.protocols.kserve_v2.generate import (
    bind_generate,
    encode_generate,
    parse_generate,
    stream_generate,
)
from dragoman.protocols.kserve_v2.grpc_routes import grpc_routes
from dragoman.protocols.kserve_v2.mounted import mounted_routes
from dragoman.protocols.kserve_v2.openapi import (
    answer_document,
    answer_model_document,
    answer_model_page,
    answer_page,
)
from dragoman.protocols.kserve_v2.operator_routes import OPERATOR_ROUTES
from dragoman.protocols.kserve_v2.rest import parse_infer
from dragoman.protocols.kserve_v2.status import (
    answer_live,
    answer_metadata,
    answer_models,
    answer_ready,
    answer_server_metadata,
    answer_server_ready,
)
from dragoman.wire.operation import HttpRoute, InferOperation, ProtocolSpec, StatusOperation
from dragoman.wire.surroundings import Surroundings
from dragoman.wire.v2.infer import bind_infer, encode_infer

MODEL: Final = "/v2/models/{model}"
VERSION: Final = f"{MODEL}/versions/{{version}}"  # any word: what is no number is an unknown version

LIVE: Final = StatusOperation("kserve_v2.rest.live", answer_live, fail_status, permission=None)
SERVER_READY: Final = StatusOperation(
    "kserve_v2.rest.server_ready", answer_server_ready, fail_status, permission=None
)
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
    binds_at_once=True,
    reading=bytes_to_read,
    writing=bytes_to_write,
)

GENERATE: Final = InferOperation(
    name="kserve_v2.rest.generate",
    verb=Verb.INFER,
    parse=partial(parse_generate, False),
    bind=bind_generate,
    encode=encode_generate,
    fail=fail,
    one_part=True,
)
GENERATE_STREAM: Final = InferOperation(
    name="kserve_v2.rest.generate_stream",
    verb=Verb.INFER,
    parse=partial(parse_generate, True),
    bind=bind_generate,
    encode=encode_generate,
    fail=fail,
    stream=stream_generate,
)

MODEL_ROUTES: Final = (
    HttpRoute("GET", MODEL, METADATA),
    HttpRoute("GET", VERSION, METADATA),
    HttpRoute("GET", f"{MODEL}/ready", READY),
    HttpRoute("GET", f"{VERSION}/ready", READY),
    HttpRoute("POST", f"{MODEL}/infer", INFER),
    HttpRoute("POST", f"{VERSION}/infer", INFER),
)
GENERATE_ROUTES: Final = tuple(
    HttpRoute("POST", f"{model}/{word}", operation)
    for model in (MODEL, VERSION)
    for word, operation in (
        ("generate", GENERATE),
        ("generate_stream", GENERATE_STREAM),
        ("infer_stream", GENERATE_STREAM),  # MLServer's other name for it
    )
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


def make_protocol(surroundings: Surroundings) -> ProtocolSpec:
    """The protocol of a server of that name."""
    name = surroundings.server_name
    server = StatusOperation(
        "kserve_v2.rest.server", partial(answer_server_metadata, name), fail_status, permission=None
    )
    views = {"/v2": server, "/v2/": server, "/v2/health/live": LIVE, "/v2/health/ready": SERVER_READY}
    return ProtocolSpec(
        name="kserve_v2",
        prefixes=("/v2/",),
        routes={
            "superset": (
                *(HttpRoute("GET", path, view) for path, view in views.items()),
                HttpRoute("GET", "/v2/models", MODELS),
                *MODEL_ROUTES,
                *GENERATE_ROUTES,
                *DOCS_ROUTES,
                *OPERATOR_ROUTES,
                *mounted_routes(views, MODEL_ROUTES + GENERATE_ROUTES),
            )
        },
        refuse=refuse,
        grpc={"superset": tuple(grpc_routes(name))},
        examples={"superset": (make_example,)},
    )
