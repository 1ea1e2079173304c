"""The route table of the management protocol, which listeners speak that name it."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from dragoman.core.errors import Code, DragomanError, Reason, invalid
from dragoman.core.status import StatusReport
from dragoman.protocols.torchserve.answers import Manner, document
from dragoman.protocols.torchserve.errors import answer_error, fail_view, refuse
from dragoman.protocols.torchserve.management.changes import (
    encode_change,
    fail_change,
    parse_default,
    parse_register,
    parse_scale,
    parse_unregister,
)
from dragoman.protocols.torchserve.management.description import answer_management, answer_of_model
from dragoman.protocols.torchserve.management.grpc import grpc_routes
from dragoman.protocols.torchserve.management.tokens import encode_renewal, fail_renewal, parse_renewal
from dragoman.protocols.torchserve.management.views import (
    answer_describe,
    answer_list,
    ask_model,
    fail_describe,
)
from dragoman.protocols.torchserve.routes import DIALECT, EVERY_METHOD, slashed
from dragoman.protocols.torchserve.status import answer_ready
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import (
    ControlOperation,
    HttpRoute,
    ProtocolSpec,
    StatusOperation,
    ViewOperation,
)
from dragoman.wire.percent import percent_decoded
from dragoman.wire.surroundings import Surroundings

NAME: Final = "torchserve_management"
PREFIXES: Final = ("/models", "/workflows")
RENEWAL: Final = "torchserve.management.token"
# Operations, of inference too, that need none of the listeners' keys: descriptions, and what renews a key.
WITHOUT_KEY: Final = frozenset(
    {
        RENEWAL,
        "torchserve.management.description",
        "torchserve.management.model_description",
        "torchserve.rest.description",
        "torchserve.rest.model_description",
    }
)
NO_WORKFLOWS: Final = (
    "Registering new workflows is disabled. What joins models here are pipelines of dragoman.yaml: "
    "docs/pipelines.md tells how."
)


def make_protocol(_: Surroundings) -> ProtocolSpec:
    """The protocol; it is the same on every listener that speaks it."""
    manner = Manner(strict=True)
    return ProtocolSpec(
        name=NAME,
        prefixes=PREFIXES,
        routes={"superset": tuple(routes(manner))},
        refuse=partial(refuse, manner),
        homes={DIALECT: partial(refuse, manner)},
        grpc={"superset": grpc_routes()},
        only_named=True,
    )


def routes(manner: Manner) -> Iterator[HttpRoute]:
    """Descriptions, models, one model, one version of it, workflows."""
    yield from descriptions(manner)
    yield from of_models(manner)
    fail = partial(fail_view, manner)
    ready = StatusOperation("torchserve.management.ready", partial(answer_ready, manner), fail)
    yield from slashed(("GET",), "/v1/models/{model}", ready)
    renew = ControlOperation(
        RENEWAL,
        parse_renewal,
        partial(encode_renewal, manner),
        partial(fail_renewal, manner),
        keys_itself=True,
    )
    yield from slashed(("GET",), "/token", renew)
    empty = StatusOperation("torchserve.management.workflows", partial(answer_workflows, manner), fail)
    none = StatusOperation("torchserve.management.workflow", partial(answer_workflow, manner), fail)
    refused = StatusOperation(
        "torchserve.management.register_workflow", partial(refuse_workflow, manner), fail
    )
    yield from slashed(("GET",), "/workflows", empty)
    yield from slashed(("POST",), "/workflows", refused)
    yield from slashed(("GET", "DELETE"), "/workflows/{workflow}", none)


def descriptions(manner: Manner) -> Iterator[HttpRoute]:
    """What the protocol says of itself, and of a model."""
    fail = partial(fail_view, manner)
    whole = StatusOperation(
        "torchserve.management.description", partial(answer_management, manner), fail, permission=None
    )
    one = StatusOperation("torchserve.management.model_description", partial(answer_of_model, manner), fail)
    yield HttpRoute("OPTIONS", "/", whole)
    yield from slashed(EVERY_METHOD, "/api-description", whole)
    yield from slashed(("OPTIONS",), "/models/{model}", one)


def of_models(manner: Manner) -> Iterator[HttpRoute]:
    """Everything of models."""
    encode, fail = partial(encode_change, manner), partial(fail_change, manner)
    register = ControlOperation("torchserve.management.register", parse_register, encode, fail)
    scale = ControlOperation("torchserve.management.scale", parse_scale, encode, fail)
    default = ControlOperation("torchserve.management.set_default", parse_default, encode, fail)
    unregister = ControlOperation("torchserve.management.unregister", parse_unregister, encode, fail)
    models = StatusOperation(
        "torchserve.management.list", partial(answer_list, manner), partial(fail_view, manner)
    )
    describe = ViewOperation(
        "torchserve.management.describe",
        ask_model,
        partial(answer_describe, manner),
        partial(fail_describe, manner),
    )
    yield from slashed(("POST",), "/models", register)
    yield from slashed(("GET",), "/models", models)
    for path in ("/models/{model}", "/models/{model}/{version}"):
        yield from slashed(("GET",), path, describe)
        yield from slashed(("PUT",), path, scale)
        yield from slashed(("DELETE",), path, unregister)
    yield from slashed(("PUT",), "/models/{model}/{version}/set-default", default)


def answer_workflows(manner: Manner, _: WireRequest, __: StatusReport) -> WireResponse:
    """No workflows."""
    return document(manner, 200, {"workflows": []})


def answer_workflow(manner: Manner, wire: WireRequest, _: StatusReport) -> WireResponse:
    """There is no such workflow."""
    name = percent_decoded(wire.params["workflow"])
    message = f"Workflow not found: {name}"
    return answer_error(manner, DragomanError(Code.NOT_FOUND, message, reason=Reason.ROUTE_UNKNOWN))


def refuse_workflow(manner: Manner, _: WireRequest, __: StatusReport) -> WireResponse:
    """Workflows are not registered, as in the reference's last source."""
    return answer_error(manner, invalid(NO_WORKFLOWS))
