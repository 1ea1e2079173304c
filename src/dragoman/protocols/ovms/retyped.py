"""Values that are sent as another type than the inputs'."""

from collections.abc import Callable

from msgspec.structs import replace

from dragoman.core.errors import DragomanError
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.wire.rows import Tensors


def read_retyped(
    read: Callable[[Signature], Tensors], signature: Signature, retype: Callable[[TensorSpec], TensorSpec]
) -> Tensors | None:
    """What `read` gives for the signature with `retype`'s inputs; None = nothing, or they are the same."""
    inputs = {name: retype(spec) for name, spec in signature.inputs.items()}
    if inputs == signature.inputs:
        return None
    try:
        return read(replace(signature, inputs=inputs))
    except DragomanError:
        return None
