"""What TorchServe's callers send to a model."""

from collections.abc import Mapping

from dragoman.core.requests import Kind
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature
from dragoman.wire.example_call import ExampleCall, default_tensors


def make_example(model: str, signatures: Mapping[str, Signature]) -> ExampleCall | None:
    """A prediction of the inputs by their names; for a handler, which may read anything, of some text.

    None for a model of which no inputs are known.
    """
    path = f"/predictions/{model}"
    signature = signatures.get(DEFAULT_SIGNATURE)
    if signature is not None and Kind.PAYLOAD in signature.accepts:
        return ExampleCall("TorchServe", path, {"data": "text"}, typed=True)
    given = default_tensors(signatures)
    return ExampleCall("TorchServe", path, given) if given else None
