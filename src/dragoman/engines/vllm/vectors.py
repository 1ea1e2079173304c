"""Vectors of texts that vLLM makes: it pools and normalizes as modules.json says."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from msgspec import Struct

from dragoman.core.generation import Ids
from dragoman.core.tensors import Array
from dragoman.engines.embedding import Pooling
from dragoman.engines.vllm.command import MODEL
from dragoman.engines.vllm.documents import BadChunkError
from dragoman.engines.vllm.options import VllmOptions
from dragoman.engines.vllm.server import VllmServer

EMBEDDINGS: Final = "/v1/embeddings"
BATCH_TOKENS: Final = 16384  # of one call


class VectorOptions(Struct, frozen=True):
    """What an owner says of the vectors; how they are pooled is vLLM's to know."""

    prompt: str | None
    dimensions: tuple[int, ...]
    pooling: Pooling | None = None
    normalize: bool | None = None


def vector_options(options: VllmOptions) -> VectorOptions:
    """Those of the engine's options that speak of vectors."""
    return VectorOptions(options.prompt, options.dimensions)


def vectors_from(server: VllmServer, timeout_s: float) -> Callable[[Sequence[Ids]], Array]:
    """What asks for a vector of the tokens of each text. It blocks."""

    def vectors(tokens: Sequence[Ids]) -> Array:
        server.check()
        document = {
            "model": MODEL,
            "input": [list(ids) for ids in tokens],
            "encoding_format": "base64",
        }
        read = partial(read_vectors, len(tokens))
        call = server.openai.ask(EMBEDDINGS, document, None, read=read, idempotent=True)
        return server.ask(call, timeout_s)

    return vectors


def read_vectors(count: int, answer: Mapping[str, Any]) -> Array:
    """The vectors of so many texts, as rows.

    Errors: BadChunkError.
    """
    try:
        told = {entry["index"]: entry["embedding"] for entry in answer["data"]}
        rows = [np.frombuffer(base64.b64decode(told[place], validate=True), "<f4") for place in range(count)]
        return np.stack(rows).astype(np.float32)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise BadChunkError(f"it holds no vectors of {count} texts") from None
