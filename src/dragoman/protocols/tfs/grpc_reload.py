"""HandleReloadConfigRequest: a list of models that is to replace what is served."""

from typing import TYPE_CHECKING

from dragoman.core.control import ControlRequest, ControlResult
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.protocols.tfs.errors import grpc_error
from dragoman.protocols.tfs.messages import messages
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.protobuf import read_message

if TYPE_CHECKING:
    from dragoman.wire.protos.tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig


def parse_reload(wire: WireRequest, limits: Limits) -> ControlRequest:
    """Nothing yet: a list that is as it should be is refused as well, but only after it was checked.

    A server whose models come from folders cannot take them from a list instead; saying OK without doing it,
    as OpenVINO Model Server does, would hide that from the caller.
    Errors: INVALID_ARGUMENT for a list that is none; UNIMPLEMENTED for any other.
    """
    del limits
    check_list(read_message(messages().ReloadConfigRequest, wire.body).config)
    raise DragomanError(
        Code.UNIMPLEMENTED,
        "this server takes its models from its repository, and cannot be given a list of them while it runs",
    )


def check_list(config: "ModelServerConfig") -> None:
    """The rules of the reference for a list of models.

    Errors: INVALID_ARGUMENT naming the model.
    """
    kind = config.WhichOneof("config")
    if kind != "model_config_list":
        raise invalid(
            "ServerModelConfig type must be model_config_list" if kind else "the request has no config"
        )
    seen = set()
    for model in config.model_config_list.config:
        if model.name in seen:
            raise invalid(f"Illegal to list model {model.name} multiple times in config list")
        seen.add(model.name)
        if not model.base_path.startswith("/") and "://" not in model.base_path:
            raise invalid(
                f"Expected model {model.name} to have an absolute path or URI; "
                f"got base_path()={model.base_path}"
            )


def encode_reload(_: ControlResult) -> WireResponse:
    """A ReloadConfigResponse that says OK."""
    response = messages().ReloadConfigResponse()
    response.status.SetInParent()
    return WireResponse(0, response.SerializeToString())


def fail_reload(_: None, error: DragomanError) -> WireResponse:
    """A refused reload."""
    return grpc_error(error)
