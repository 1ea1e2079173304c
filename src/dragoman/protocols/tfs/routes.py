"""The route table. Fixed words match in any case; the method words are compared exactly later on."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from dragoman.core.requests import Verb
from dragoman.protocols.tfs.errors import fail_examples, fail_predict, refuse
from dragoman.protocols.tfs.examples import parse_classify, parse_regress
from dragoman.protocols.tfs.grpc_routes import grpc_routes
from dragoman.protocols.tfs.rest import bind_predict, encode_predict, parse_predict
from dragoman.protocols.tfs.results import bind_classify, bind_regress, encode_classify, encode_regress
from dragoman.protocols.tfs.status import answer_metadata, answer_nameless, answer_status
from dragoman.protocols.tfs.strict import answer_malformed, answer_no_page, answer_options
from dragoman.protocols.tfs.warmup import RECORDING
from dragoman.wire.effort import json_to_read
from dragoman.wire.http_errors import fail_status
from dragoman.wire.operation import HttpRoute, InferOperation, Operation, ProtocolSpec, StatusOperation
from dragoman.wire.target import MODELS, VERSIONS
from dragoman.wire.v1_example import column_example
from dragoman.wire.v1_models import MODEL
from dragoman.wire.v1_models import MODELS as EVERY_MODEL

# Every method but HEAD, which the router answers like GET where there is no page of its own.
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def model_routes(superset: bool) -> Iterator[HttpRoute]:
    """The routes of one model, which both dialects have, bound to the dialect's answers."""
    predict = InferOperation(
        name="tfs.rest.predict",
        verb=Verb.INFER,
        parse=partial(parse_predict, superset),
        bind=partial(bind_predict, superset),
        encode=encode_predict,
        fail=partial(fail_predict, superset),
        reading=json_to_read,
    )
    classify = InferOperation(
        name="tfs.rest.classify",
        verb=Verb.INFER,
        parse=partial(parse_classify, superset),
        bind=bind_classify,
        encode=partial(encode_classify, superset),
        fail=partial(fail_examples, superset),
    )
    regress = InferOperation(
        name="tfs.rest.regress",
        verb=Verb.INFER,
        parse=partial(parse_regress, superset),
        bind=bind_regress,
        encode=partial(encode_regress, superset),
        fail=partial(fail_examples, superset),
    )
    status = MODEL if superset else StatusOperation("tfs.rest.status", answer_status, fail_status)
    metadata = StatusOperation("tfs.rest.metadata", partial(answer_metadata, superset), fail_status)
    for version in VERSIONS:
        model = f"{MODELS}/{{model}}{version}"
        yield _route("POST", f"{model}:predict", predict)
        yield _route("POST", f"{model}:classify", classify)
        yield _route("POST", f"{model}:regress", regress)
        yield _route("GET", model, status)
        yield _route("GET", f"{model}/metadata", metadata)


def strict_routes() -> Iterator[HttpRoute]:
    """What the reference answers beside a model's routes: nothing without a name, and errors of its own."""
    nameless = StatusOperation("tfs.rest.nameless", answer_nameless, fail_status)
    malformed = StatusOperation("tfs.rest.malformed", answer_malformed, fail_status)
    options = StatusOperation("tfs.rest.options", answer_options, fail_status)
    no_page = StatusOperation("tfs.rest.no_page", answer_no_page, fail_status)
    for version in VERSIONS:
        yield _route("GET", f"{MODELS}{version}", nameless)
    for method in (*METHODS, "HEAD"):
        yield _route(method, "/v1/{rest:path}", options if method == "OPTIONS" else malformed)
    for method in METHODS:
        yield _route(method, "/{rest:path}", no_page)


def _route(method: str, template: str, operation: Operation) -> HttpRoute:
    return HttpRoute(method, template, operation, ignore_case=True)


EXAMPLE: Final = partial(column_example, "TensorFlow Serving REST")
PROTOCOL: Final = ProtocolSpec(
    name="tfs",
    prefixes=("/v1/models", "/v1/"),
    routes={
        "superset": (*model_routes(superset=True), _route("GET", MODELS, EVERY_MODEL)),
        "tfserving": (*model_routes(superset=False), *strict_routes()),
    },
    refuse=refuse,
    grpc={
        "superset": tuple(grpc_routes(superset=True)),
        "tfserving": tuple(grpc_routes(superset=False)),
    },
    recording=RECORDING,
    examples={"superset": (EXAMPLE,), "tfserving": (EXAMPLE,)},
)
