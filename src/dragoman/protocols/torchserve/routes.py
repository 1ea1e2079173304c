"""The route table: what the default listener has, and what one in the reference's own dialect has besides."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from dragoman.core.requests import Verb
from dragoman.protocols.torchserve.answers import Manner
from dragoman.protocols.torchserve.description import answer_description, answer_model_description
from dragoman.protocols.torchserve.errors import fail, fail_view, refuse
from dragoman.protocols.torchserve.example import make_example
from dragoman.protocols.torchserve.grpc_routes import grpc_routes
from dragoman.protocols.torchserve.predictions import (
    Route,
    bind_prediction,
    encode_prediction,
    parse_prediction,
    stream_prediction,
)
from dragoman.protocols.torchserve.status import answer_ping, answer_ready
from dragoman.wire.explanation import numbers_to_write
from dragoman.wire.operation import HttpRoute, InferOperation, Operation, ProtocolSpec, StatusOperation
from dragoman.wire.surroundings import Surroundings

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")  # and HEAD, which is answered as GET is
EVERY_METHOD: Final = (*METHODS, "OPTIONS")
PREFIXES: Final = ("/predictions", "/explanations", "/ping", "/api-description")
DIALECT: Final = "torchserve"
KSERVE_PATHS: Final = (
    "/v1/models/{model}:predict",
    "/v1/models/{model}:explain",
    "/v2/models/{model}/infer",
    "/v2/models/{model}/explain",
)


def make_protocol(surroundings: Surroundings) -> ProtocolSpec:
    """The protocol as the settings want it."""
    repeated = surroundings.keeps_repeated_parts
    usual, strict = (
        Manner(strict=False, keeps_repeated=repeated),
        Manner(strict=True, keeps_repeated=repeated),
    )
    return ProtocolSpec(
        name="torchserve",
        prefixes=PREFIXES,
        routes={
            "superset": tuple(routes(usual)),
            DIALECT: (*routes(strict), *strict_routes(strict)),
        },
        refuse=partial(refuse, usual),
        grpc={
            "superset": tuple(grpc_routes(usual, surroundings.new_id)),
            DIALECT: tuple(grpc_routes(strict, surroundings.new_id)),
        },
        homes={DIALECT: partial(refuse, strict)},
        examples={"superset": (make_example,), DIALECT: (make_example,)},
    )


def routes(manner: Manner) -> Iterator[HttpRoute]:
    """The routes that every listener with this protocol has."""
    fail_here = partial(fail_view, manner)
    description = StatusOperation(
        "torchserve.rest.description", partial(answer_description, manner), fail_here, permission=None
    )
    ping = StatusOperation("torchserve.rest.ping", partial(answer_ping, manner), fail_here, permission=None)
    of_model = StatusOperation(
        "torchserve.rest.model_description", partial(answer_model_description, manner), fail_here
    )
    yield HttpRoute("OPTIONS", "/", description)
    yield from slashed(EVERY_METHOD, "/api-description", description)
    yield from slashed(EVERY_METHOD, "/ping", ping)
    for method in EVERY_METHOD:
        yield HttpRoute(method, "/ping/{rest:path}", ping)
    for path, explain in (("/predictions", False), ("/explanations", True)):
        called = call(manner, Route(explain=explain, has_rest=True))
        yield from slashed(("OPTIONS",), f"{path}/{{model}}", of_model)
        yield from slashed(("OPTIONS",), f"{path}/{{model}}/{{version}}", of_model)
        yield from slashed(METHODS, f"{path}/{{model}}", called)
        yield from slashed(METHODS, f"{path}/{{model}}/{{version}}", called)
        for method in METHODS:
            yield HttpRoute(method, f"{path}/{{model}}/{{version}}/{{rest:path}}", called)


def strict_routes(manner: Manner) -> Iterator[HttpRoute]:
    """KServe's paths as the reference has them, and its older forms."""
    ready = StatusOperation(
        "torchserve.rest.ready", partial(answer_ready, manner), partial(fail_view, manner)
    )
    predict = call(manner, Route(explain=False, key="predictions"))
    explain = call(manner, Route(explain=True, key="explanations"))
    older = call(manner, Route(takes_query=True))
    of_model = StatusOperation(
        "torchserve.rest.model_description",
        partial(answer_model_description, manner),
        partial(fail_view, manner),
    )
    yield from slashed(("GET",), "/v1/models/{model}", ready)
    for path in KSERVE_PATHS:
        yield from slashed(("OPTIONS",), path, of_model)
    yield from slashed(METHODS, "/v1/models/{model}:predict", predict)
    yield from slashed(METHODS, "/v1/models/{model}:explain", explain)
    yield from slashed(METHODS, "/v2/models/{model}/infer", call(manner, Route(explain=False)))
    yield from slashed(METHODS, "/v2/models/{model}/explain", call(manner, Route(explain=True)))
    for path in ("/invocations", "/models/{model}/invoke", "/{model}/predict", "/{model}/{version}/predict"):
        yield from slashed(METHODS, path, older)


def slashed(methods: tuple[str, ...], path: str, operation: Operation) -> Iterator[HttpRoute]:
    """The path for each of the methods, also with a slash at its end."""
    for method in methods:
        yield HttpRoute(method, path, operation)
        yield HttpRoute(method, f"{path}/", operation)


def call(manner: Manner, route: Route) -> InferOperation:
    """A call of a model."""
    return InferOperation(
        name="torchserve.rest.explain" if route.explain else "torchserve.rest.predict",
        verb=Verb.EXPLAIN if route.explain else Verb.INFER,
        parse=partial(parse_prediction, route),
        bind=partial(bind_prediction, manner, route),
        encode=partial(encode_prediction, manner),
        fail=partial(fail, manner),
        stream=partial(stream_prediction, manner),
        writing=numbers_to_write if route.explain else None,
    )
