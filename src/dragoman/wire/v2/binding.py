"""Named tensors to a request for the model's signature: what REST and gRPC have in common.

All failures are INVALID_ARGUMENT in Triton's words, so that a client reads the same over either transport.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.requests import CoreRequest, TensorRequest
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor, fits
from dragoman.wire.datatypes import DATATYPES, shown_shape
from dragoman.wire.fitting import as_declared, with_trailing_axis
from dragoman.wire.serialized import predict_request

MAX_NAMES: Final = (
    4096  # of inputs and outputs: far more than any model has, and a bound on what parsing takes
)


def bind_tensors(
    model: str, given: Mapping[str, Tensor], outputs: Sequence[str], signature: Signature
) -> CoreRequest:
    """The request that these tensors are to the model; `outputs` empty = all.

    BYTES for an input that can be made of encoded images are those, whatever their shape. A model that says
    nothing of its tensors gets them as they came.
    Errors: INVALID_ARGUMENT for an input or output that the signature lacks, a missing input, and a tensor of
    another type or shape.
    """
    if signature.untyped:
        return TensorRequest(signature.name, given, outputs or None)
    specs = signature.inputs
    tensors = given if given.keys() == specs.keys() else with_defaults(model, given, specs)
    if signature.add_trailing_axis:
        tensors = {
            name: Tensor(tensor.dtype, with_trailing_axis(tensor.array, specs[name], signature))
            for name, tensor in tensors.items()
        }
    if signature.any_number:
        tensors = {name: as_declared(tensor, specs[name]) for name, tensor in tensors.items()}
    for name, tensor in tensors.items():
        spec = specs[name]
        if tensor.dtype is not spec.dtype:
            if tensor.dtype is DType.BYTES and spec.image is not None:
                continue
            raise wrong_datatype(model, name, tensor, spec)
        if not fits(tensor.array.shape, spec.shape):
            raise wrong_shape(model, name, tensor, spec)
    if not outputs:
        return predict_request(signature, tensors)
    check_outputs(model, outputs, signature)
    return predict_request(signature, tensors, outputs)


# What the protocol and its servers read themselves; the rest is the model's.
OWN_PARAMETERS: Final = frozenset(
    {
        "binary_data_output",
        "content_type",
        "headers",
        "priority",
        "sequence_end",
        "sequence_id",
        "sequence_start",
        "timeout",
        "triton_enable_empty_final_response",
    }
)


def with_parameters(request: CoreRequest, given: Mapping[str, object] | None) -> CoreRequest:
    """The request with those of its parameters that are for the model."""
    if given and isinstance(request, TensorRequest):
        request.parameters = {
            name: value
            for name, value in given.items()
            if name not in OWN_PARAMETERS and isinstance(value, bool | int | float | str)
        }
    return request


def with_defaults(
    model: str, given: Mapping[str, Tensor], specs: Mapping[str, TensorSpec]
) -> Mapping[str, Tensor]:
    """The inputs, completed by those that may be left out.

    Errors: INVALID_ARGUMENT for an input that the model lacks, and for one that is missing.
    """
    for name in given:
        if name not in specs:
            raise unexpected_input(model, name)
    defaults = {name: spec.default for name, spec in specs.items() if spec.default is not None}
    missing = [name for name in specs if name not in given and name not in defaults]
    if missing:
        raise missing_inputs(model, given, missing, len(specs) - len(defaults))
    return {**defaults, **given}


def check_outputs(model: str, outputs: Iterable[str], signature: Signature) -> None:
    """Every output that is asked for is one of the model's, and is asked for once.

    Errors: INVALID_ARGUMENT naming the output.
    """
    seen = set()
    for name in outputs:
        if name not in signature.outputs:
            raise unexpected_output(model, name)
        if name in seen:
            raise duplicate_output(name)
        seen.add(name)


def unexpected_input(model: str, name: str) -> DragomanError:
    """The error for an input that the model lacks."""
    return invalid(f"unexpected inference input '{name}' for model '{model}'")


def unexpected_output(model: str, name: str) -> DragomanError:
    """The error for an output that the model lacks."""
    return invalid(f"unexpected inference output '{name}' for model '{model}'")


def duplicate_input(name: str) -> DragomanError:
    """The error for an input that is given twice."""
    return invalid(f"input '{name}' already exists in request")


def duplicate_output(name: str) -> DragomanError:
    """The error for an output that is asked for twice."""
    return invalid(f"output '{name}' already exists in request")


def too_many_names() -> DragomanError:
    """The error for a request that no model can be meant by."""
    return invalid(f"the request names more than {MAX_NAMES} inputs or outputs")


def missing_inputs(model: str, given: Iterable[str], missing: Sequence[str], expected: int) -> DragomanError:
    """The error for inputs that are not there."""
    names = list(given)
    return invalid(
        f"expected {expected} inputs but got {len(names)} inputs for model '{model}'. Got input(s) {names}, "
        f"but missing required input(s) {missing}. Please provide all required input(s)."
    )


def wrong_datatype(model: str, name: str, tensor: Tensor, spec: TensorSpec) -> DragomanError:
    """The error for a tensor of another type than the model's."""
    return invalid(
        f"inference input '{name}' data-type is '{DATATYPES[tensor.dtype]}', "
        f"but model '{model}' expects '{DATATYPES[spec.dtype]}'"
    )


def wrong_shape(model: str, name: str, tensor: Tensor, spec: TensorSpec) -> DragomanError:
    """The error for a tensor of another shape than the model's."""
    expected, given = bracketed(shown_shape(spec.shape)), bracketed(tensor.array.shape)
    return invalid(
        f"unexpected shape for input '{name}' for model '{model}'. Expected {expected}, got {given}"
    )


def bracketed(shape: Iterable[int]) -> str:
    """A shape for messages: `[-1,16]`."""
    return f"[{','.join(map(str, shape))}]"
