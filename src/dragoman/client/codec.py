"""What a codec of the client can do: one for V2 over REST, one for V2 over gRPC. Both are pure functions."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from dragoman.client.exchange import Exchange, PartsReader
from dragoman.client.results import ModelMetadata, ModelState, Parameters, Result
from dragoman.core.tensors import Tensor

Version = int | str | None
RequestedOutputs = Mapping[str, Parameters]


class Inference(Struct, frozen=True):
    """One call of a model. `outputs` None = all of them; else each with its own parameters."""

    model: str
    version: Version
    tensors: Mapping[str, Tensor]
    outputs: RequestedOutputs | None
    parameters: Parameters
    request_id: str | None


class Load(Struct, frozen=True):
    """What is to be loaded: the repository's model, or with other settings and files than it has there."""

    model: str
    config: str | None
    files: Mapping[str, bytes]


class Codec(Protocol):
    """Builds requests and reads answers.

    Errors: InvalidInput where something cannot be sent.
    """

    def infer(self, call: Inference) -> Exchange[Result]:
        """One call, one answer."""

    def stream(self, call: Inference) -> Exchange[PartsReader]:
        """One call whose answer comes in parts; its head gives who reads them."""

    def predict(self, model: str, version: Version, body: Mapping[str, Any]) -> Exchange[Any]:
        """TensorFlow Serving's and KServe V1's call."""

    def explain(self, model: str, version: Version, body: Mapping[str, Any]) -> Exchange[Any]:
        """KServe V1's call for what each value adds to the answer."""

    def metadata(self, model: str, version: Version) -> Exchange[ModelMetadata]:
        """What a model takes and gives."""

    def ready(self, model: str | None, version: Version) -> Exchange[bool]:
        """Whether a model, or the server, can be called."""

    def models(self) -> Exchange[Sequence[ModelState]]:
        """The repository's models."""

    def load(self, call: Load) -> Exchange[None]:
        """Load a model."""

    def unload(self, model: str, *, dependents: bool) -> Exchange[None]:
        """Unload a model."""

    def statistics(self, model: str | None, version: Version) -> Exchange[list[dict[str, Any]]]:
        """What a model, or all of them, have done."""

    def config(self, model: str, version: Version) -> Exchange[dict[str, Any]]:
        """A model's configuration in Triton's form."""
