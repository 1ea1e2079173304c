"""The protocol behind a deployment's mount, where its clients find a server of one model.

The mount says which model that is. The name after `v2/models/`, which clients cannot leave out, is that
model's or its deployment's.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from dragoman.core.errors import DragomanError
from dragoman.core.status import StatusReport
from dragoman.protocols.kserve_v2.errors import unknown_model
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Draft, HttpRoute, InferOperation, StatusOperation
from dragoman.wire.percent import percent_decoded
from dragoman.wire.target import MODELS

NAMED: Final = "named"
MODEL: Final = f"{MODELS}/{{model}}"  # where mounts lead to
VERSION: Final = "/versions/{version:digits}"
OF_VERSION: Final = "/versions/{version}"  # in the routes of models


def check_name(wire: WireRequest) -> None:
    """Nothing, if the name in the path is the model's or its deployment's.

    Errors: NOT_FOUND.
    """
    given = percent_decoded(wire.params[NAMED])
    called = wire.params.get("deployment", "")
    if given in (percent_decoded(wire.params["model"]), wire.deployment, percent_decoded(called)):
        return
    error = unknown_model(given)
    message = f"{error.message}: behind this path is one model, by its own name or by its deployment's"
    raise DragomanError(error.code, message, reason=error.reason)


def call_of_mount(operation: InferOperation) -> InferOperation:
    """The same call where the mount says which model is meant."""

    def parse(wire: WireRequest, limits: Limits) -> Draft:
        check_name(wire)
        return operation.parse(wire, limits)

    return replace(operation, parse=parse)


def view_of_model(operation: StatusOperation) -> StatusOperation:
    """The same view; a caller that may not see the model is told just that, whatever the name."""

    def answer(wire: WireRequest, report: StatusReport) -> WireResponse:
        alone(wire, report)
        check_name(wire)
        return operation.answer(wire, report)

    return replace(operation, answer=answer)


def view_of_server(operation: StatusOperation) -> StatusOperation:
    """The same view of a server that has this model and no other, for those who may see it."""

    def answer(wire: WireRequest, report: StatusReport) -> WireResponse:
        return operation.answer(wire, alone(wire, report))

    return replace(operation, answer=answer)


def alone(wire: WireRequest, report: StatusReport) -> StatusReport:
    """What there is to tell of the mount's model alone.

    Errors: NOT_FOUND; those of the report where the caller may not see the model.
    """
    name = percent_decoded(wire.params["model"])
    model = report.models.get(name)
    if model is None:
        raise unknown_model(name)
    return StatusReport({name: model})


def mounted_routes(server: Mapping[str, StatusOperation], model: Sequence[HttpRoute]) -> Iterator[HttpRoute]:
    """The views of a server by their paths, and the routes of its models, `/v2/models/{model}...`.

    A deployment of one version leads to that one, and its models have no others.
    """
    for prefix in (MODEL, MODEL + VERSION):
        for path, view in server.items():
            yield HttpRoute("GET", prefix + path, view_of_server(view))
        for route in model:
            below = route.template.replace("{model}", f"{{{NAMED}}}")
            if prefix == MODEL or OF_VERSION not in below:
                operation = route.operation
                if isinstance(operation, InferOperation):
                    yield HttpRoute(route.method, prefix + below, call_of_mount(operation))
                elif isinstance(operation, StatusOperation):
                    yield HttpRoute(route.method, prefix + below, view_of_model(operation))
