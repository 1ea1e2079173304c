"""org.pytorch.serve.grpc.management.ManagementAPIsService: the same over gRPC.

A field that is not set is 0, empty or false there, and counts as not given, as in the reference: workers of
a registration are then as many as the server has for all, one at least when scaling; calls do not wait. A
page of 0 models is what was asked for, and empty. An answer is the sentence of REST, or its JSON.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from dragoman.core.control import ControlRequest, ControlResult, Register, Scale, SetDefault, Unregister
from dragoman.core.errors import Code, DragomanError, Reason, invalid
from dragoman.core.responses import CoreResponse
from dragoman.core.status import StatusReport
from dragoman.protocols.torchserve.answers import STRICT
from dragoman.protocols.torchserve.errors import NO_NAME
from dragoman.protocols.torchserve.grpc_errors import KINDS, PACKAGE, Failure, failure_of, told
from dragoman.protocols.torchserve.management.changes import (
    registration,
    reworded_change,
    said,
    scaling,
)
from dragoman.protocols.torchserve.management.parameters import Parameters
from dragoman.protocols.torchserve.management.views import (
    ALL,
    Described,
    described,
    no_worker,
    page,
    question,
)
from dragoman.settings.limits import Limits
from dragoman.wire.grpc_errors import GRPC_STATUS
from dragoman.wire.json_tree import dump_indented
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import ControlOperation, GrpcRoute, Operation, StatusOperation, ViewOperation
from dragoman.wire.protobuf import message_classes, read_message

if TYPE_CHECKING:
    from dragoman.wire.protos.torchserve import management_pb2

NAMESPACE: Final = "org.pytorch.serve.grpc.management"
SERVICE: Final = f"/{NAMESPACE}.ManagementAPIsService"
OFF: Final = "Model API disabled"
ARCHIVES: Final = f"{PACKAGE}.archive.model"
UNUSABLE: Final = (GRPC_STATUS[Code.INVALID_ARGUMENT], f"{ARCHIVES}.InvalidModelException")
FAILURES: Final[Mapping[Reason, tuple[int, str]]] = {
    **{reason: (GRPC_STATUS[Code.NOT_FOUND], kind) for reason, kind in KINDS.items()},
    Reason.NO_WORKER: (GRPC_STATUS[Code.INTERNAL], f"{PACKAGE}.http.InternalServerException"),
    Reason.URL_REFUSED: (GRPC_STATUS[Code.NOT_FOUND], f"{ARCHIVES}.ModelNotFoundException"),
    Reason.REGISTRATION_OFF: (GRPC_STATUS[Code.PERMISSION_DENIED], f"{ARCHIVES}.ModelException"),
    Reason.VERSION_REGISTERED: (
        GRPC_STATUS[Code.ALREADY_EXISTS],
        f"{PACKAGE}.http.ConflictStatusException",
    ),
    Reason.VERSION_DEFAULT: (
        GRPC_STATUS[Code.FAILED_PRECONDITION],
        f"{PACKAGE}.http.InvalidModelVersionException",
    ),
    Reason.DOWNLOAD_FAILED: (
        GRPC_STATUS[Code.INVALID_ARGUMENT],
        f"{PACKAGE}.archive.DownloadArchiveException",
    ),
    Reason.MANIFEST_MISSING: UNUSABLE,
    Reason.MANIFEST_MALFORMED: UNUSABLE,
    Reason.MODEL_INVALID: UNUSABLE,
    Reason.ARCHIVE_UNUSABLE: (GRPC_STATUS[Code.INTERNAL], f"{PACKAGE}.http.InternalServerException"),
    Reason.WORKERS_FAILED: (GRPC_STATUS[Code.INTERNAL], f"{PACKAGE}.http.InternalServerException"),
}
NUMBERS: Final = ("batch_size", "initial_workers", "max_batch_delay", "response_timeout", "startup_timeout")
TEXTS: Final = ("handler", "model_name", "runtime", "url")


class Messages(Struct, frozen=True):
    """Classes by the names of the messages."""

    DescribeModelRequest: "type[management_pb2.DescribeModelRequest]"
    ListModelsRequest: "type[management_pb2.ListModelsRequest]"
    ManagementResponse: "type[management_pb2.ManagementResponse]"
    RegisterModelRequest: "type[management_pb2.RegisterModelRequest]"
    ScaleWorkerRequest: "type[management_pb2.ScaleWorkerRequest]"
    SetDefaultRequest: "type[management_pb2.SetDefaultRequest]"
    UnregisterModelRequest: "type[management_pb2.UnregisterModelRequest]"


@cache
def messages() -> Messages:
    """The classes, which belong to the shared pool."""
    return Messages(**message_classes(NAMESPACE, Messages.__struct_fields__))


def grpc_routes() -> tuple[GrpcRoute, ...]:
    """Every method."""

    def change(name: str, parse: Callable[[WireRequest, Limits], ControlRequest]) -> ControlOperation:
        return ControlOperation(f"torchserve.management_grpc.{name}", parse, encode_change, fail_change)

    operations: dict[str, Operation] = {
        "RegisterModel": change("register", parse_register),
        "ScaleWorker": change("scale", parse_scale),
        "SetDefault": change("set_default", parse_default),
        "UnregisterModel": change("unregister", parse_unregister),
        "ListModels": StatusOperation("torchserve.management_grpc.list", answer_list, fail_view),
        "DescribeModel": ViewOperation(
            "torchserve.management_grpc.describe", ask_model, answer_describe, fail_describe
        ),
    }
    return tuple(GrpcRoute(f"{SERVICE}/{name}", operation) for name, operation in operations.items())


def parse_register(wire: WireRequest, _: Limits) -> Register:
    """The archive to register, and how.

    Errors: those of `registration`.
    """
    message = read_message(messages().RegisterModelRequest, wire.body)
    given = {name: str(getattr(message, name)) for name in NUMBERS if getattr(message, name) > 0}
    given |= {name: text for name in TEXTS if (text := getattr(message, name))}
    return registration(Parameters(given), waits=message.synchronous)


def parse_scale(wire: WireRequest, _: Limits) -> Scale:
    """How many workers a version is to have.

    Errors: those of `scaling`; INVALID_ARGUMENT where no model is named.
    """
    message = read_message(messages().ScaleWorkerRequest, wire.body)
    numbers = {"min_worker": message.min_worker, "max_worker": message.max_worker}
    given = Parameters({name: str(number) for name, number in numbers.items() if number > 0})
    version = message.model_version or None
    return scaling(given, named(message.model_name), version, waits=message.synchronous)


def parse_default(wire: WireRequest, _: Limits) -> SetDefault:
    """The version that is to be the default.

    Errors: INVALID_ARGUMENT where no model is named.
    """
    message = read_message(messages().SetDefaultRequest, wire.body)
    return SetDefault(named(message.model_name), message.model_version)


def parse_unregister(wire: WireRequest, _: Limits) -> Unregister:
    """The model or version to take away.

    Errors: INVALID_ARGUMENT where no model is named.
    """
    message = read_message(messages().UnregisterModelRequest, wire.body)
    return Unregister(named(message.model_name), message.model_version or None)


def named(model: str) -> str:
    """The model that a message names.

    Errors: INVALID_ARGUMENT where it names none.
    """
    if not model:
        raise invalid(NO_NAME)
    return model


def encode_change(result: ControlResult) -> WireResponse:
    """What was done, in a sentence."""
    return answered(said(result))


def answer_list(wire: WireRequest, report: StatusReport) -> WireResponse:
    """A page of the models."""
    message = read_message(messages().ListModelsRequest, wire.body)
    return answered(text(page(report, message.limit, message.next_page_token)))


def ask_model(wire: WireRequest, report: StatusReport) -> Described | None:
    """What the model itself is asked, where the caller wants to know that.

    Errors: those of `question`.
    """
    message = read_message(messages().DescribeModelRequest, wire.body)
    if message.model_version == ALL or not message.customized:
        return None
    return question(report, named(message.model_name), message.model_version or None)


def answer_describe(wire: WireRequest, report: StatusReport, said: CoreResponse | None) -> WireResponse:
    """A list of one version, or of all, with what the model said of itself.

    Errors: those of `described`.
    """
    message = read_message(messages().DescribeModelRequest, wire.body)
    model = named(message.model_name)
    return answered(text(described(report, model, message.model_version or None, said)))


def text(tree: Any) -> str:
    """JSON, indented as the reference's is."""
    return dump_indented(tree).rstrip().decode()


def answered(msg: str) -> WireResponse:
    """A ManagementResponse."""
    return WireResponse(0, messages().ManagementResponse(msg=msg).SerializeToString())


def fail_change(request: ControlRequest | None, error: DragomanError) -> WireResponse:
    """A change that was not made."""
    return failed(reworded_change(request, error))


def fail_describe(asking: Described | None, error: DragomanError) -> WireResponse:
    """A description that there is not."""
    return failed(no_worker(asking, error))


def fail_view(_: None, error: DragomanError) -> WireResponse:
    """A list that there is not."""
    return failed(error)


def failed(error: DragomanError) -> WireResponse:
    """The status: the sentence, and the exception's name in a line of its own."""
    known = None if error.reason is None else FAILURES.get(error.reason)
    if known is None or error.status is not None:
        if error.message == NO_NAME:
            return told(Failure(GRPC_STATUS[error.code], NO_NAME, f"{PACKAGE}.http.BadRequestException"))
        return told(failure_of(STRICT, None, error))
    status, kind = known
    return told(Failure(status, OFF if error.reason is Reason.REGISTRATION_OFF else error.message, kind))
