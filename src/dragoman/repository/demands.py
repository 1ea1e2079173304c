"""What a configuration that came with a request says of a model, held against the model."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from dragoman.core.errors import invalid
from dragoman.core.override import DemandedTensor, Demands
from dragoman.core.signatures import Answers, Signature, TensorSpec
from dragoman.core.tensors import Shape, show_shape
from dragoman.engines.base import Engine, Trust
from dragoman.repository.handle import default_signature

MOST_SHOWN: Final = 20  # names in a message


def check_choices(demands: Demands, file: str, engine: Engine) -> None:
    """Nothing, if the file that is named is the one that is loaded, with options that a request may bring.

    Errors: INVALID_ARGUMENT naming the key.
    """
    if demands.file not in ("", file):
        raise invalid(
            f"config: default_model_filename: the engine {engine.name} loads {file!r}, not {demands.file!r}"
        )
    runs_code = engine.trust is not Trust.DATA_ONLY
    closed = sorted(demands.options if runs_code else engine.closed_options & demands.options)
    if closed:
        raise invalid(f"config: parameters.{closed[0]} may be set in the model's own files only")


def narrowed_signatures(signatures: Mapping[str, Signature], demands: Demands) -> Mapping[str, Signature]:
    """The signatures, of which the default one is as it was demanded.

    Errors: INVALID_ARGUMENT naming the tensor that is not so.
    """
    signature = default_signature(signatures)
    if signature is None:
        if demands.inputs or demands.outputs or demands.parts:
            raise invalid("input, output: the model has no default signature")
        return signatures
    if demands.parts and signature.answers is not Answers.PARTS:
        raise invalid("model_transaction_policy: the model does not answer in parts alone")
    made = replace(
        signature,
        inputs=narrowed(demands.inputs, signature.inputs, "input"),
        outputs=narrowed(demands.outputs, signature.outputs, "output"),
    )
    if demands.inputs:
        check_complete(demands.inputs, signature.inputs)
    return {**signatures, made.name: made}


def check_complete(demanded: Sequence[DemandedTensor], specs: Mapping[str, TensorSpec]) -> None:
    """Nothing, if every input that a caller has to send is named.

    Errors: INVALID_ARGUMENT naming one that is not.
    """
    names = {tensor.name for tensor in demanded}
    for spec in specs.values():
        if spec.name not in names and spec.default is None:
            raise invalid(f"input: the model's input {spec.name!r} is left out")


def narrowed(
    demanded: Sequence[DemandedTensor], specs: Mapping[str, TensorSpec], role: str
) -> Mapping[str, TensorSpec]:
    """The tensors with the sizes that are demanded of them.

    Errors: INVALID_ARGUMENT naming the tensor that is not there, or of another type or shape.
    """
    made = dict(specs)
    for tensor in demanded:
        spec = specs.get(tensor.name)
        if spec is None:
            names = ", ".join(sorted(specs)[:MOST_SHOWN])
            raise invalid(f"{role}: the model has no {role} {tensor.name!r}; its {role}s are {names}")
        if tensor.dtype is not None and tensor.dtype is not spec.dtype:
            raise invalid(
                f"{role} {tensor.name!r}: the model's is {spec.dtype.value}, not {tensor.dtype.value}"
            )
        made[tensor.name] = replace(spec, shape=narrowed_shape(tensor, spec, role))
    return made


def narrowed_shape(tensor: DemandedTensor, spec: TensorSpec, role: str) -> Shape | None:
    """The model's shape, its open sizes as they are demanded. A rank that is open stays so.

    Errors: INVALID_ARGUMENT naming the tensor where they do not go together.
    """
    own, wanted = spec.shape, tensor.shape
    if own is None or wanted is None:
        return own
    if len(own) != len(wanted) or any(
        size not in (None, fixed) for fixed, size in zip(own, wanted, strict=True) if fixed is not None
    ):
        raise invalid(
            f"{role} {tensor.name!r}: the model's shape is {show_shape(own)}, which {show_shape(wanted)} "
            "does not fit"
        )
    return tuple(size if fixed is None else fixed for fixed, size in zip(own, wanted, strict=True))
