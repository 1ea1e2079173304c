"""V2 over gRPC, call by call."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from dragoman.client.codec import Inference, Load, Version
from dragoman.client.documents import open_shape
from dragoman.client.errors import BadAnswer, InvalidInput
from dragoman.client.exchange import Answer, Exchange, PartsReader, Request
from dragoman.client.results import ModelMetadata, ModelState, Result, TensorMetadata
from dragoman.client.rpc.infer import MessageReader, infer_body, read_infer
from dragoman.client.rpc.plain import as_plain
from dragoman.core.errors import DragomanError
from dragoman.wire.datatypes import DTYPES
from dragoman.wire.protobuf import message_class, read_message

T = TypeVar("T")
SERVICE: Final = "/inference.GRPCInferenceService"
CODES_PLEASE: Final = ("triton_grpc_error", "true")  # a failed stream ends with its status, not with a text


class RpcCodec:
    """What `codec.Codec` says."""

    def infer(self, call: Inference) -> Exchange[Result]:
        """ModelInfer."""
        request = Request(f"{SERVICE}/ModelInfer", infer_body(call))
        return Exchange(request, lambda answer: read_infer(answer.body))

    def stream(self, call: Inference) -> Exchange[PartsReader]:
        """ModelStreamInfer, with one request."""
        request = Request(f"{SERVICE}/ModelStreamInfer", infer_body(call), (CODES_PLEASE,))
        return Exchange(request, lambda _: MessageReader())

    def predict(self, model: str, version: Version, body: Mapping[str, Any]) -> Exchange[Any]:
        """What gRPC does not have."""
        raise InvalidInput("`predict` is JSON over HTTP: give the client an http:// address, or call `infer`")

    def explain(self, model: str, version: Version, body: Mapping[str, Any]) -> Exchange[Any]:
        """What gRPC does not have."""
        raise InvalidInput("`explain` is JSON over HTTP: give the client an http:// address")

    def metadata(self, model: str, version: Version) -> Exchange[ModelMetadata]:
        """ModelMetadata."""
        return rpc("ModelMetadata", read_metadata, name=model, version=named(version))

    def ready(self, model: str | None, version: Version) -> Exchange[bool]:
        """ModelReady or ServerReady."""
        if model is None:
            return rpc("ServerReady", is_ready)
        return rpc("ModelReady", is_ready, name=model, version=named(version))

    def models(self) -> Exchange[Sequence[ModelState]]:
        """RepositoryIndex."""
        return rpc("RepositoryIndex", read_models)

    def load(self, call: Load) -> Exchange[None]:
        """RepositoryModelLoad."""
        kind = message_class("inference.ModelRepositoryParameter")
        parameters = {} if call.config is None else {"config": kind(string_param=call.config)}
        parameters |= {f"file:{path}": kind(bytes_param=data) for path, data in call.files.items()}
        return change("RepositoryModelLoad", model_name=call.model, parameters=parameters)

    def unload(self, model: str, *, dependents: bool) -> Exchange[None]:
        """RepositoryModelUnload."""
        kind = message_class("inference.ModelRepositoryParameter")
        parameters = {"unload_dependents": kind(bool_param=True)} if dependents else {}
        return change("RepositoryModelUnload", model_name=model, parameters=parameters)

    def statistics(self, model: str | None, version: Version) -> Exchange[list[dict[str, Any]]]:
        """ModelStatistics."""
        return rpc("ModelStatistics", read_statistics, name=model or "", version=named(version))

    def config(self, model: str, version: Version) -> Exchange[dict[str, Any]]:
        """ModelConfig."""
        return rpc("ModelConfig", read_config, name=model, version=named(version))


def named(version: Version) -> str:
    """A version as messages have it; empty for the newest."""
    return "" if version is None else str(version)


def rpc(method: str, read: Callable[[Any], T], **fields: object) -> Exchange[T]:
    """The call of a method that only looks."""
    body = message_class(f"inference.{method}Request")(**fields).SerializeToString()
    return Exchange(Request(f"{SERVICE}/{method}", (body,)), partial(read_answer, method, read))


def change(method: str, **fields: object) -> Exchange[None]:
    """The call of a method that changes the repository."""
    body = message_class(f"inference.{method}Request")(**fields).SerializeToString()
    return Exchange(Request(f"{SERVICE}/{method}", (body,), repeatable=False), nothing)


def nothing(answer: Answer) -> None:
    """Nothing: that there is an answer says that it was done."""


def read_answer(method: str, read: Callable[[Any], T], answer: Answer) -> T:
    """What is read from a method's answer.

    Errors: BadAnswer where that is no such message.
    """
    try:
        return read(read_message(message_class(f"inference.{method}Response"), answer.body))
    except DragomanError as error:
        raise BadAnswer(f"the answer cannot be read: {error.message}") from None


def is_ready(message: Any) -> bool:
    """Whether the model, or the server, is ready."""
    return bool(message.ready)


def read_metadata(message: Any) -> ModelMetadata:
    """What a model takes and gives."""
    return ModelMetadata(
        name=message.name,
        versions=list(message.versions),
        platform=message.platform,
        inputs={tensor.name: read_tensor(tensor) for tensor in message.inputs},
        outputs={tensor.name: read_tensor(tensor) for tensor in message.outputs},
    )


def read_tensor(tensor: Any) -> TensorMetadata:
    """One input or output.

    Errors: BadAnswer for a data type that there is not.
    """
    dtype = DTYPES.get(tensor.datatype)
    if dtype is None:
        raise BadAnswer(f"there is no data type {tensor.datatype!r}")
    return TensorMetadata(tensor.name, dtype, open_shape(tuple(tensor.shape)))


def read_models(message: Any) -> list[ModelState]:
    """The versions in a repository."""
    return [ModelState(entry.name, entry.version, entry.state, entry.reason) for entry in message.models]


def read_statistics(message: Any) -> list[dict[str, Any]]:
    """What models have done."""
    return [as_plain(entry) for entry in message.model_stats]


def read_config(message: Any) -> dict[str, Any]:
    """A model's configuration."""
    return as_plain(message.config)
