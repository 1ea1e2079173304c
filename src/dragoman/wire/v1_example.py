"""What TensorFlow Serving's callers, and those of who answers as it does, send to a model."""

from collections.abc import Mapping

from dragoman.core.signatures import DEFAULT_SIGNATURE, Method, Signature
from dragoman.wire.example_call import ExampleCall, example_tensors, shown_signature
from dragoman.wire.target import MODELS


def column_example(title: str, model: str, signatures: Mapping[str, Signature]) -> ExampleCall | None:
    """A call of the signature that is shown: predict in column form, classify and regress with an Example.

    None for a model of which no inputs are known.
    """
    signature = shown_signature(signatures)
    if signature.untyped:
        return None
    given = example_tensors(signature)
    body: dict[str, object] = {}
    if signature.name != DEFAULT_SIGNATURE:
        body["signature_name"] = signature.name
    if signature.method is not Method.PREDICT:
        body["examples"] = [given]
    else:
        body["inputs"] = next(iter(given.values())) if len(given) == 1 else given
    return ExampleCall(title, f"{MODELS}/{model}:{signature.method.value}", body)
