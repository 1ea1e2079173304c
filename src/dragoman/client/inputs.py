"""The inputs of a call, and what is known of the models that take them."""

from collections.abc import Mapping, Sequence
from typing import Any

from dragoman.client.arrays import is_typed, plain_tensor, shown, typed_tensor
from dragoman.client.attempts import Attempts
from dragoman.client.codec import Codec, RequestedOutputs, Version
from dragoman.client.errors import InvalidInput
from dragoman.client.exchange import Flow
from dragoman.client.results import ModelMetadata, Parameters, TensorMetadata
from dragoman.core.tensors import Tensor

Outputs = Sequence[str] | Mapping[str, Parameters] | None
Key = tuple[str, str | None]


class KnownModels:
    """Remembers the metadata of models, so that it is asked for once."""

    def __init__(self, codec: Codec, attempts: Attempts) -> None:
        self._codec = codec
        self._attempts = attempts
        self._known: dict[Key, ModelMetadata] = {}

    def fetch(self, model: str, version: Version, deadline: float | None) -> Flow[ModelMetadata]:
        """A model's metadata, from the server."""
        found = yield from self._attempts.send(self._codec.metadata(model, version), deadline)
        self._known[known_as(model, version)] = found
        return found

    def forget(self, model: str) -> None:
        """The model may have become another."""
        for key in [key for key in tuple(self._known) if key[0] == model]:
            self._known.pop(key, None)

    def tensors(
        self, model: str, version: Version, inputs: Mapping[str, Any], deadline: float | None
    ) -> Flow[dict[str, Tensor]]:
        """The values as tensors; metadata is looked at only where a value does not say its type.

        Errors: InvalidInput naming the input.
        """
        if not isinstance(inputs, Mapping):
            raise InvalidInput(f"inputs is a mapping from names to values, not {shown(inputs)}")
        found: dict[str, Tensor] = {}
        for name, value in inputs.items():
            if is_typed(value):
                found[name] = typed_tensor(name, value)
                continue
            known = self._known.get(known_as(model, version))
            if known is None:
                known = yield from self.fetch(model, version, deadline)
            found[name] = plain_tensor(value, spec_of(name, known))
        return found


def known_as(model: str, version: Version) -> Key:
    """What a model's metadata is remembered by."""
    return model, None if version is None else str(version)


def spec_of(name: str, metadata: ModelMetadata) -> TensorMetadata:
    """The input of this name.

    Errors: InvalidInput naming those that there are.
    """
    spec = metadata.inputs.get(name)
    if spec is None:
        there = ", ".join(map(str, metadata.inputs.values())) or "none"
        raise InvalidInput(f"there is no input {name!r}; the model takes {there}")
    return spec


def requested(outputs: Outputs) -> RequestedOutputs | None:
    """The outputs that are asked for, each with its own parameters.

    Errors: InvalidInput for a text, which is a sequence of texts, too.
    """
    if outputs is None or isinstance(outputs, Mapping):
        return outputs
    if isinstance(outputs, str):
        raise InvalidInput(f"outputs is a list of names: give [{outputs!r}]")
    return {name: {} for name in outputs}
