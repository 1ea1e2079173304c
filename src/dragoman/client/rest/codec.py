"""V2 over REST, call by call."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from dragoman.client.codec import Inference, Load, Version
from dragoman.client.exchange import Answer, Exchange, PartsReader, Request
from dragoman.client.rest.events import EVENTS, event_reader, json_body
from dragoman.client.rest.failures import OK, failure
from dragoman.client.rest.infer import JSON_LENGTH, binary_body, read_infer, written
from dragoman.client.rest.paths import repository_path, v1_path, v2_path
from dragoman.client.rest.predict import predict_body, read_explain, read_predict
from dragoman.client.rest.status import (
    read_config,
    read_metadata,
    read_models,
    read_ready,
    read_statistics,
)
from dragoman.client.results import ModelMetadata, ModelState, Result

T = TypeVar("T")
JSON = ("content-type", "application/json")
BINARY = ("content-type", "application/octet-stream")


class RestCodec:
    """What `codec.Codec` says."""

    def infer(self, call: Inference) -> Exchange[Result]:
        """V2's `infer` with the binary tensor extension both ways."""
        body = binary_body(call)
        headers = (BINARY, (JSON_LENGTH, str(len(body[0]))))
        request = Request(v2_path(call.model, call.version, "infer"), body, headers)
        return Exchange(request, succeeded(read_infer))

    def stream(self, call: Inference) -> Exchange[PartsReader]:
        """`generate_stream` with a V2 document, as MLServer and dragoman take it."""
        path = v2_path(call.model, call.version, "generate_stream")
        request = Request(path, (json_body(call),), (JSON, ("accept", EVENTS)))
        return Exchange(request, succeeded(event_reader))

    def predict(self, model: str, version: Version, body: Mapping[str, Any]) -> Exchange[Any]:
        """V1's `predict`."""
        request = Request(v1_path(model, version, ":predict"), (predict_body(body),), (JSON,))
        return Exchange(request, succeeded(read_predict))

    def explain(self, model: str, version: Version, body: Mapping[str, Any]) -> Exchange[Any]:
        """V1's `explain`."""
        request = Request(v1_path(model, version, ":explain"), (predict_body(body),), (JSON,))
        return Exchange(request, succeeded(read_explain))

    def metadata(self, model: str, version: Version) -> Exchange[ModelMetadata]:
        """A model's metadata."""
        return Exchange(get(v2_path(model, version)), succeeded(read_metadata))

    def ready(self, model: str | None, version: Version) -> Exchange[bool]:
        """A model's readiness, or the server's."""
        path = "/v2/health/ready" if model is None else v2_path(model, version, "ready")
        return Exchange(get(path), read_ready)

    def models(self) -> Exchange[Sequence[ModelState]]:
        """The repository's index."""
        return Exchange(Request("/v2/repository/index", (b"{}",), (JSON,)), succeeded(read_models))

    def load(self, call: Load) -> Exchange[None]:
        """Load."""
        parameters: dict[str, str] = {} if call.config is None else {"config": call.config}
        parameters |= {f"file:{path}": b64encode(data).decode() for path, data in call.files.items()}
        return change(repository_path(call.model, "load"), parameters)

    def unload(self, model: str, *, dependents: bool) -> Exchange[None]:
        """Unload."""
        parameters = {"unload_dependents": True} if dependents else {}
        return change(repository_path(model, "unload"), parameters)

    def statistics(self, model: str | None, version: Version) -> Exchange[list[dict[str, Any]]]:
        """Statistics of a model, or of all."""
        path = "/v2/models/stats" if model is None else v2_path(model, version, "stats")
        return Exchange(get(path), succeeded(read_statistics))

    def config(self, model: str, version: Version) -> Exchange[dict[str, Any]]:
        """A model's configuration."""
        return Exchange(get(v2_path(model, version, "config")), succeeded(read_config))


def get(path: str) -> Request:
    """A request that only looks."""
    return Request(path, method="GET")


def change(path: str, parameters: Mapping[str, object]) -> Exchange[None]:
    """A request that changes the repository, of which nothing is read but that it was done."""
    body = written({"parameters": parameters}) if parameters else b"{}"
    return Exchange(Request(path, (body,), (JSON,), repeatable=False), succeeded(nothing))


def nothing(answer: Answer) -> None:
    """Nothing."""


def succeeded(read: Callable[[Answer], T]) -> Callable[[Answer], T]:
    """The reader of an answer, for any answer: what is not 200 becomes an error."""

    def reader(answer: Answer) -> T:
        if answer.status != OK:
            raise failure(answer)
        return read(answer)

    return reader
