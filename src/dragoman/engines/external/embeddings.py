"""A model of another server that makes vectors of texts."""

from functools import partial
from typing import Any, ClassVar, Final

import numpy as np
from msgspec.structs import replace

from dragoman.core.context import CallContext
from dragoman.core.embedding import EmbedTraits
from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Usage
from dragoman.core.requests import CoreRequest, EmbedRequest, Kind
from dragoman.core.responses import CoreResponse, EmbedResponse
from dragoman.core.tensors import Array, DType
from dragoman.core.text_signature import embedding_signature
from dragoman.engines.external.model import ENGINE, ExternalModel
from dragoman.engines.external.pieces import ShapeError, member, usage_of
from dragoman.engines.external.values import numbers_of
from dragoman.engines.upstream import OpenAiUpstream, Upstream

EMBEDDINGS: Final = "/embeddings"


class ExternalEmbeddings(ExternalModel):
    """Vectors, of any width: what it is, only the first of them would tell."""

    health_path: ClassVar[str] = "/models"

    async def introduce(self, upstream: Upstream) -> None:
        """See that the server is there.

        Errors: DragomanError.
        """
        await self.looked(upstream, self.health_path)
        traits = EmbedTraits(ENGINE, self.text_settings.context, self.settings.dimensions)
        signature = embedding_signature(traits, None)
        signature = replace(signature, accepts=signature.accepts - {Kind.TOKENIZE})
        self.signatures = {signature.name: signature}

    async def answer(self, request: CoreRequest, call: CallContext) -> CoreResponse:
        """A vector for each text.

        Errors: DragomanError.
        """
        if not isinstance(request, EmbedRequest):
            message = f"model {self.name} makes vectors of texts, and takes nothing else"
            raise DragomanError(Code.UNIMPLEMENTED, message)
        inputs = list(request.inputs)
        fields: dict[str, Any] = {"model": self.their_name, "input": inputs, "encoding_format": "float"}
        if request.dimensions is not None:
            fields["dimensions"] = request.dimensions
        return await OpenAiUpstream(self.upstream).ask(
            EMBEDDINGS, fields, call.deadline_s, read=partial(read_vectors, len(inputs)), idempotent=True
        )


def read_vectors(count: int, document: dict[str, Any]) -> EmbedResponse:
    """The vectors of so many texts.

    Errors: ShapeError.
    """
    entries = member(document, "data", list) or []
    if len(entries) != count:
        raise ShapeError(f"it has {len(entries)} vectors, and {count} texts were sent")
    vectors: dict[int, Array] = {}
    for number, entry in enumerate(entries):
        index = member(entry, "index", int)
        vectors[number if index is None else index] = vector_of(entry)
    if vectors.keys() != set(range(count)):
        raise ShapeError("its vectors are of other texts than were sent")
    if len({len(vector) for vector in vectors.values()}) != 1:
        raise ShapeError("its vectors are of unlike lengths")
    return EmbedResponse(np.stack([vectors[place] for place in range(count)]), usage_of(document) or Usage())


def vector_of(entry: Any) -> Array:
    """One vector.

    Errors: ShapeError.
    """
    found = member(entry, "embedding", list)
    if not found or not all(type(value) in (int, float) for value in found):
        raise ShapeError("an embedding is no list of numbers")
    return numbers_of(found, DType.FP32)
