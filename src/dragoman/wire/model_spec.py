"""tensorflow.serving.ModelSpec: which model a request means, and which version answered it."""

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dragoman.core.errors import invalid
from dragoman.core.requests import Target
from dragoman.wire.proto_fields import Data
from dragoman.wire.protobuf import read_message
from dragoman.wire.tfs_messages import messages

if TYPE_CHECKING:
    from dragoman.wire.protos.tensorflow_serving.apis.model_pb2 import ModelSpec

CACHED_BYTES: Final = 256


def read_model_spec(data: Data | None, superset: bool) -> Target:
    """The target that a serialized ModelSpec is. Clients repeat the same one, so it is parsed once.

    Errors: INVALID_ARGUMENT where there is none, it is none, or it names no model.
    """
    if data is None:
        raise invalid("Missing ModelSpec")
    if len(data) <= CACHED_BYTES:
        return _cached_target(bytes(data), superset)
    return _parse_target(data, superset)


def _parse_target(data: Data, superset: bool) -> Target:
    return spec_target(read_message(messages().ModelSpec, data), superset)


def spec_target(spec: "ModelSpec", superset: bool) -> Target:
    """The target that a ModelSpec means.

    Errors: INVALID_ARGUMENT where it names no model.
    """
    if not spec.name:
        raise invalid("ModelSpec has no name specified.")
    choice = spec.WhichOneof("version_choice")
    return Target(
        spec.name,
        spec.version.value if choice == "version" else None,
        spec.version_label if choice == "version_label" else None,
        spec.signature_name or None,
        superset,
    )


@lru_cache(4096)
def write_model_spec(model: str, version: int | None, signature: str) -> bytes:
    """The ModelSpec of an answer; a label is not repeated."""
    spec = messages().ModelSpec(name=model, signature_name=signature)
    if version is not None:
        spec.version.value = version
        spec.version.SetInParent()
    return spec.SerializeToString()


_cached_target = lru_cache(4096)(_parse_target)
