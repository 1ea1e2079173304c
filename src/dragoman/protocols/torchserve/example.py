"""What TorchServe's callers send to a model."""

from collections.abc import Mapping

from dragoman.core.signatures import Signature
from dragoman.wire.example_call import ExampleCall, default_tensors


def make_example(model: str, signatures: Mapping[str, Signature]) -> ExampleCall | None:
    """A prediction of the inputs by their names; None for a model of which no inputs are known."""
    given = default_tensors(signatures)
    return ExampleCall("TorchServe", f"/predictions/{model}", given) if given else None
