"""Texts as tensors."""

from collections.abc import Sequence

import numpy as np

from dragoman.core.generation import refused
from dragoman.core.requests import EmbedRequest, TensorRequest
from dragoman.core.signatures import Signature
from dragoman.core.tensors import Array, DType, Tensor


def texts_to_embed(request: EmbedRequest, signature: Signature) -> TensorRequest:
    """Texts for a model that is no embedder of ours, and takes them as its only input.

    Errors: INVALID_ARGUMENT for tokens, which are another model's.
    """
    if not all(isinstance(text, str) for text in request.inputs):
        raise refused("input", "input must be texts: this model takes no tokens")
    (spec,) = signature.inputs.values()
    tensor = Tensor(DType.BYTES, bytes_array([str(text) for text in request.inputs]))
    return TensorRequest(signature.source, {spec.source: tensor})


def bytes_array(texts: Sequence[str]) -> Array:
    """Texts as the elements of an array."""
    array = np.empty(len(texts), np.object_)
    array[:] = [text.encode("utf-8", "replace") for text in texts]
    return array
