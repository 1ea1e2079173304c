"""How models of texts look to those who speak of tensors: in the names that Triton's text models have."""

from typing import Final

from dragoman.core.embedding import EmbedTraits
from dragoman.core.generation import TextTraits
from dragoman.core.requests import Kind
from dragoman.core.signatures import DEFAULT_SIGNATURE, Answers, Signature, TensorSpec
from dragoman.core.tensors import DType

PROMPT: Final = "text_input"
TEXT: Final = "text_output"
VECTOR: Final = "embedding"
QUERY, DOCUMENT, SCORE = "query", "document", "score"
FLOATS: Final = frozenset({DType.FP16, DType.BF16, DType.FP32, DType.FP64})


def text_signature(traits: TextTraits) -> Signature:
    """The one signature of a model: prompts in, what follows them out, as BYTES; conversations, too."""
    kinds = {Kind.TENSORS, Kind.GENERATE, Kind.TOKENIZE} | ({Kind.CHAT} if traits.chats else set())
    return Signature(
        DEFAULT_SIGNATURE,
        {PROMPT: TensorSpec(PROMPT, DType.BYTES, (None,), PROMPT)},
        {TEXT: TensorSpec(TEXT, DType.BYTES, (None,), TEXT)},
        accepts=frozenset(kinds),
        answers=Answers.EITHER,
        text=traits,
    )


def embedding_signature(traits: EmbedTraits, width: int | None) -> Signature:
    """The one signature of a model: texts in as BYTES, a vector of each out; `width` None = of any length."""
    return Signature(
        DEFAULT_SIGNATURE,
        {PROMPT: TensorSpec(PROMPT, DType.BYTES, (None,), PROMPT)},
        {VECTOR: TensorSpec(VECTOR, DType.FP32, (None, width), VECTOR)},
        accepts=frozenset({Kind.TENSORS, Kind.EMBED, Kind.TOKENIZE}),
        embeds=traits,
    )


def ranking_signature() -> Signature:
    """The one signature of a model that reads pairs: queries and documents in, a number of each pair out."""
    return Signature(
        DEFAULT_SIGNATURE,
        {name: TensorSpec(name, DType.BYTES, (None,), name) for name in (QUERY, DOCUMENT)},
        {SCORE: TensorSpec(SCORE, DType.FP32, (None,), SCORE)},
        accepts=frozenset({Kind.TENSORS, Kind.RANK}),
    )


def makes_vectors(signature: Signature) -> bool:
    """Whether a model's tensors are texts in, one for each row, and one vector of each out."""
    given = signature.only_input
    if given is None or given.dtype is not DType.BYTES or Kind.TENSORS not in signature.accepts:
        return False
    if (
        given.image is not None
        or len(signature.outputs) != 1
        or (given.shape is not None and len(given.shape) != 1)
    ):
        return False
    (made,) = signature.outputs.values()
    return made.dtype in FLOATS and (made.shape is None or len(made.shape) == 2)
