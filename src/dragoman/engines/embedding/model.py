"""A loaded model of vectors: texts to tokens, tokens to batches, batches to vectors."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from dragoman.core.context import CallContext
from dragoman.core.embedding import MOST_INPUTS, EmbedTraits
from dragoman.core.errors import DragomanError, invalid
from dragoman.core.generation import Ids, Usage
from dragoman.core.requests import EmbedRequest, TensorRequest
from dragoman.core.responses import Chunk, EmbedResponse, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.core.text_signature import PROMPT, VECTOR, embedding_signature
from dragoman.engines.embedding.batches import batched
from dragoman.engines.embedding.pooling import unit
from dragoman.engines.embedding.recipe import Recipe
from dragoman.engines.embedding.tokens import Tokens, unwanted

Vectors = Callable[[Sequence[Ids]], Array]
OVERLAPPING_CALLS: Final = 1024


def nothing() -> None:
    """Where the interpreter gives back all that is held."""


class EmbeddingTexts:
    """One model with its tokenizer. `vectors` makes them of the tokens of some texts, on any thread."""

    def __init__(
        self,
        vectors: Vectors,
        tokenizer: Any,
        recipe: Recipe,
        traits: EmbedTraits,
        *,
        budget: int,
        cuts: bool,
        let_go: Callable[[], None] = nothing,
    ) -> None:
        self.concurrency = OVERLAPPING_CALLS
        self._vectors = vectors
        self._budget = budget
        self._tokens = Tokens(tokenizer, recipe, traits, cuts=cuts)
        self._let_go = let_go
        width = self._vectors([[0]]).shape[1]
        signature = embedding_signature(traits, width)
        self.signatures: Mapping[str, Signature] = {signature.name: signature}

    def tokens(self, text: str, *, special: bool) -> Ids:
        """A text's tokens, without a prompt before it, and however long it is."""
        return self._tokens.whole(text, special=special)

    def embed(self, request: EmbedRequest, call: CallContext) -> EmbedResponse:
        """A vector for each text, cut where that is asked.

        Errors: INVALID_ARGUMENT naming `input`; CANCELLED once nobody waits any more.
        """
        (answer,) = self.embed_all([request], [call])
        if isinstance(answer, DragomanError):
            raise answer
        return answer

    def embed_all(
        self, requests: Sequence[EmbedRequest], calls: Sequence[CallContext]
    ) -> list[EmbedResponse | DragomanError]:
        """The answer to each call, or its error: the texts of all run together."""
        found: list[list[Ids] | DragomanError] = [
            self._tokenized(request, call) for request, call in zip(requests, calls, strict=True)
        ]
        tokens = [ids for each in found if not isinstance(each, DragomanError) for ids in each]
        vectors: Array | None = None
        for places in batched(tokens, self._budget):
            if all(call.cancelled for call in calls):
                return [unwanted() for _ in calls]
            made = self._vectors([tokens[place] for place in places])
            if vectors is None:
                vectors = np.empty((len(tokens), made.shape[1]), np.float32)
            vectors[places] = made
        answers: list[EmbedResponse | DragomanError] = []
        start = 0
        for request, each in zip(requests, found, strict=True):
            if isinstance(each, DragomanError) or vectors is None:
                answers.append(each if isinstance(each, DragomanError) else no_text())
                continue
            own = vectors[start : start + len(each)]
            start += len(each)
            if request.dimensions is not None:
                own = unit(own[:, : request.dimensions])
            answers.append(EmbedResponse(own, Usage(sum(map(len, each)))))
        return answers

    def _tokenized(self, request: EmbedRequest, call: CallContext) -> list[Ids] | DragomanError:
        try:
            return self._tokens.of(request.inputs, call) or no_text()
        except DragomanError as error:
            return error

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        """The same for texts in a tensor.

        Errors: those of `embed`; INVALID_ARGUMENT for an input that is none.
        """
        texts = texts_of(request, PROMPT)
        vectors = self.embed(EmbedRequest(request.signature, texts), call).vectors
        return TensorResponse({VECTOR: Tensor(DType.FP32, vectors)})

    def stream(self, request: TensorRequest, call: CallContext) -> Iterator[Chunk]:
        """The whole answer as the only part."""
        yield Chunk(self.infer(request, call).outputs)

    def close(self) -> None:
        """Give everything back. Calling it twice does no harm."""
        self._let_go()


def no_text() -> DragomanError:
    """The error for a call without texts."""
    return invalid("there is no text to make a vector of")


def texts_of(request: TensorRequest, name: str) -> list[str]:
    """The texts of one input.

    Errors: INVALID_ARGUMENT.
    """
    tensor = request.inputs.get(name)
    if tensor is None or tensor.dtype is not DType.BYTES or tensor.array.ndim != 1:
        raise invalid(f'input "{name}" must be BYTES of one dimension')
    if not 0 < len(tensor.array) <= MOST_INPUTS:
        raise invalid(f'input "{name}" has {len(tensor.array)} texts; from 1 to {MOST_INPUTS} are allowed')
    try:
        return [text.decode() for text in tensor.array.tolist()]
    except UnicodeDecodeError as error:
        raise invalid(f'input "{name}" holds bytes that are no UTF-8: {error.reason}') from None
