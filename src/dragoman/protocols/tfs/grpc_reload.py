"""HandleReloadConfigRequest: a list of models that is to replace what is served."""

from typing import TYPE_CHECKING

from dragoman.core.control import ControlRequest, ControlResult, PlacedModel, ReplaceModels
from dragoman.core.errors import DragomanError, invalid
from dragoman.core.names import check_model_name
from dragoman.protocols.tfs.errors import grpc_error
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.protobuf import read_message
from dragoman.wire.tfs_messages import messages

if TYPE_CHECKING:
    from dragoman.wire.protos.tensorflow_serving.config.model_server_config_pb2 import ModelConfig


def parse_reload(wire: WireRequest, limits: Limits) -> ControlRequest:
    """The models of the list, which are to be served instead of those that are.

    Errors: INVALID_ARGUMENT for a list that the reference refuses, in its words.
    """
    del limits
    config = read_message(messages().ReloadConfigRequest, wire.body).config
    kind = config.WhichOneof("config")
    if kind != "model_config_list":
        raise invalid(
            "ServerModelConfig type must be model_config_list" if kind else "the request has no config"
        )
    models = config.model_config_list.config
    names = [model.name for model in models]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise invalid(f"Illegal to list model {name} multiple times in config list")
    return ReplaceModels(tuple(placed(model) for model in models))


def placed(model: "ModelConfig") -> PlacedModel:
    """One model of the list.

    Errors: INVALID_ARGUMENT for a name that none may have, and a place that is not on this machine.
    """
    check_model_name(model.name)
    scheme, separator, path = model.base_path.partition("://")
    if not separator:
        scheme, path = "file", model.base_path
    if scheme != "file":
        raise invalid(f"model {model.name}: {scheme}:// is not supported: give the path of a folder")
    if not path.startswith("/"):
        raise invalid(
            f"Expected model {model.name} to have an absolute path or URI; got base_path()={model.base_path}"
        )
    policy = model.model_version_policy
    specific = tuple(policy.specific.versions)
    if policy.HasField("specific") and not specific:
        raise invalid(f"model {model.name}: specific names no versions")
    return PlacedModel(
        model.name,
        path,
        latest=max(1, policy.latest.num_versions),
        all_versions=policy.HasField("all"),
        versions=specific,
        labels=dict(model.version_labels),
    )


def encode_reload(_: ControlResult) -> WireResponse:
    """A ReloadConfigResponse that says OK."""
    response = messages().ReloadConfigResponse()
    response.status.SetInParent()
    return WireResponse(0, response.SerializeToString())


def fail_reload(_: None, error: DragomanError) -> WireResponse:
    """A refused reload."""
    return grpc_error(error)
