"""The route table: what the default listener has, and what one in the reference's own dialect has besides."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from dragoman.core.requests import Verb
from dragoman.protocols.ovms.control import encode_reload, parse_reload
from dragoman.protocols.ovms.errors import fail, fail_predict, refuse, refuse_at_home
from dragoman.protocols.ovms.grpc_routes import grpc_routes
from dragoman.protocols.ovms.predict import bind_predict, encode_predict, parse_predict
from dragoman.protocols.ovms.status import (
    answer_config,
    answer_metadata,
    answer_no_method,
    answer_options,
    answer_status,
)
from dragoman.wire.effort import json_to_read
from dragoman.wire.operation import (
    ControlOperation,
    HttpRoute,
    InferOperation,
    ProtocolSpec,
    StatusOperation,
)
from dragoman.wire.target import MODELS, VERSIONS
from dragoman.wire.v1_example import column_example

CONFIG: Final = "/v1/config"
CONFIG_ROUTES: Final = (
    HttpRoute("GET", CONFIG, StatusOperation("ovms.rest.config", answer_config, fail)),
    HttpRoute(
        "POST",
        f"{CONFIG}/reload",
        ControlOperation("ovms.rest.reload", parse_reload, encode_reload, fail),
    ),
)


def model_routes() -> Iterator[HttpRoute]:
    """TensorFlow Serving's paths as the reference answers them."""
    predict = InferOperation(
        name="ovms.rest.predict",
        verb=Verb.INFER,
        parse=parse_predict,
        bind=bind_predict,
        encode=encode_predict,
        fail=fail_predict,
        reading=json_to_read,
    )
    status = StatusOperation("ovms.rest.status", answer_status, fail)
    metadata = StatusOperation("ovms.rest.metadata", answer_metadata, fail)
    no_method = StatusOperation("ovms.rest.no_method", answer_no_method, fail)
    for version in VERSIONS:
        model = f"{MODELS}/{{model}}{version}"
        yield HttpRoute("POST", f"{model}:predict", predict)
        yield HttpRoute("POST", f"{model}:classify", no_method)
        yield HttpRoute("POST", f"{model}:regress", no_method)
        yield HttpRoute("GET", model, status)
        yield HttpRoute("GET", f"{model}/metadata", metadata)


def with_options(routes: Iterable[HttpRoute]) -> Iterator[HttpRoute]:
    """The routes, and OPTIONS for each of their paths, which web pages ask for first."""
    options = StatusOperation("ovms.rest.options", answer_options, fail, permission=None)
    templates: dict[str, None] = {}
    for route in routes:
        templates[route.template] = None
        yield route
    yield from (HttpRoute("OPTIONS", template, options) for template in templates)


PROTOCOL: Final = ProtocolSpec(
    name="ovms",
    prefixes=("/v1/", CONFIG),
    routes={"superset": CONFIG_ROUTES, "ovms": tuple(with_options((*CONFIG_ROUTES, *model_routes())))},
    refuse=refuse,
    homes={"ovms": refuse_at_home},
    grpc={"ovms": tuple(grpc_routes())},
    examples={"ovms": (partial(column_example, "OpenVINO Model Server REST"),)},
)
