"""What a caller of the Open Inference Protocol sends to a model."""

from collections.abc import Mapping

from dragoman.core.signatures import Signature
from dragoman.wire.datatypes import DATATYPES
from dragoman.wire.example_call import ExampleCall, default_tensors


def make_example(model: str, signatures: Mapping[str, Signature]) -> ExampleCall | None:
    """A request for inference in JSON; None for a model without a signature that this protocol calls."""
    given = default_tensors(signatures)
    if given is None:
        return None
    inputs = [
        {"name": name, "shape": list(ones.sizes), "datatype": DATATYPES[ones.dtype], "data": ones}
        for name, ones in given.items()
    ]
    return ExampleCall("Open Inference Protocol", f"/v2/models/{model}/infer", {"inputs": inputs})
