"""What a caller of KServe V1 sends to a model."""

from collections.abc import Mapping

from dragoman.core.signatures import Signature
from dragoman.wire.example_call import ExampleCall, Ones, default_tensors
from dragoman.wire.target import MODELS


def make_example(model: str, signatures: Mapping[str, Signature]) -> ExampleCall | None:
    """One instance; None for a model whose inputs cannot be given one by one."""
    given = default_tensors(signatures)
    if not given or any(tensor.sizes[:1] != (1,) for tensor in given.values()):
        return None
    rows = {name: Ones(tensor.dtype, tensor.sizes[1:]) for name, tensor in given.items()}
    instance: object = next(iter(rows.values())) if len(rows) == 1 else rows
    return ExampleCall("KServe V1", f"{MODELS}/{model}:predict", {"instances": [instance]})
