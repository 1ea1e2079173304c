"""RepositoryIndex, RepositoryModelLoad and RepositoryModelUnload.

In KServe's own definition the model's name is in field 1, where Triton's and MLServer's have the
repository's: a request without a model in field 2 is KServe's.
"""

from typing import TYPE_CHECKING

from dragoman.core.control import ControlResult, Load, Unload
from dragoman.core.errors import DragomanError, invalid
from dragoman.core.status import StatusReport
from dragoman.protocols.kserve_v2.control import (
    CONFIG,
    UNLOAD_DEPENDENTS,
    check_parameter,
    load_failure,
    no_such_unload_parameter,
    read_load,
    unload_failure,
    worded,
)
from dragoman.protocols.kserve_v2.errors import grpc_error
from dragoman.protocols.kserve_v2.index import index, no_repository_names
from dragoman.protocols.kserve_v2.operator_messages import messages
from dragoman.settings.limits import Limits
from dragoman.wire.json_tree import excerpt
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.protobuf import read_message

if TYPE_CHECKING:
    from dragoman.wire.protos.inference.repository_pb2 import (
        ModelRepositoryParameter,
        RepositoryModelLoadRequest,
        RepositoryModelUnloadRequest,
    )


def answer_index(wire: WireRequest, report: StatusReport) -> WireResponse:
    """The index, as over REST.

    Errors: UNIMPLEMENTED for a repository's name.
    """
    request = read_message(messages().RepositoryIndexRequest, wire.body)
    if request.repository_name:
        raise no_repository_names()
    answer = messages().RepositoryIndexResponse(models=list(index(report, ready_only=request.ready)))
    return WireResponse(0, answer.SerializeToString())


def parse_load(wire: WireRequest, _: Limits) -> Load:
    """The model to load; with the parameter `config`, and files, as these say.

    Errors: INVALID_ARGUMENT naming the parameter, in Triton's words for a load that fails.
    """
    request = read_message(messages().RepositoryModelLoadRequest, wire.body)
    name = model_name(request)

    def read() -> Load:
        config, files = None, {}
        for key, value in request.parameters.items():
            check_parameter(key)
            if key == CONFIG:
                check_kind(key, value, "string_param")
                config = value.string_param
            else:
                check_kind(key, value, "bytes_param")
                files[key] = value.bytes_param
        return read_load(name, config, files)

    return worded(name, read)


def parse_unload(wire: WireRequest, _: Limits) -> Unload:
    """The model to unload, and whether what it is made of goes, too.

    Errors: INVALID_ARGUMENT naming the parameter.
    """
    request = read_message(messages().RepositoryModelUnloadRequest, wire.body)
    dependents = False
    for key, value in request.parameters.items():
        if key != UNLOAD_DEPENDENTS:
            raise no_such_unload_parameter(key)
        check_kind(key, value, "bool_param")
        dependents = value.bool_param
    return Unload(model_name(request), parts=dependents, waits=False)


def model_name(request: "RepositoryModelLoadRequest | RepositoryModelUnloadRequest") -> str:
    """The model that is meant.

    Errors: UNIMPLEMENTED where a repository is named besides.
    """
    if request.model_name and request.repository_name:
        raise no_repository_names()
    return request.model_name or request.repository_name


def check_kind(key: str, value: "ModelRepositoryParameter", kind: str) -> None:
    """Nothing, if the parameter's value is of that kind.

    Errors: INVALID_ARGUMENT.
    """
    if value.WhichOneof("parameter_choice") != kind:
        raise invalid(f"parameter {excerpt(key)} must be a {kind}")


def encode_load(result: ControlResult) -> WireResponse:
    """It is loaded. The fields are KServe's; Triton's clients skip them."""
    answer = messages().RepositoryModelLoadResponse(model_name=result.model or "", isLoaded=True)
    return WireResponse(0, answer.SerializeToString())


def encode_unload(result: ControlResult) -> WireResponse:
    """It does not serve any more."""
    answer = messages().RepositoryModelUnloadResponse(model_name=result.model or "", isUnloaded=True)
    return WireResponse(0, answer.SerializeToString())


def fail_load(request: Load | None, error: DragomanError) -> WireResponse:
    """A load that failed."""
    return grpc_error(load_failure(request, error))


def fail_unload(request: Unload | None, error: DragomanError) -> WireResponse:
    """An unload that failed."""
    return grpc_error(unload_failure(request, error))
