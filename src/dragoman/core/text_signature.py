"""How models that write text look to those who speak of tensors, in the names of Triton's text models."""

from typing import Final

from dragoman.core.generation import TextTraits
from dragoman.core.requests import Kind
from dragoman.core.signatures import DEFAULT_SIGNATURE, Answers, Signature, TensorSpec
from dragoman.core.tensors import DType

PROMPT: Final = "text_input"
TEXT: Final = "text_output"


def text_signature(traits: TextTraits) -> Signature:
    """The one signature of a model: prompts in, what follows them out, as BYTES; conversations, too."""
    kinds = {Kind.TENSORS, Kind.GENERATE} | ({Kind.CHAT} if traits.chats else set())
    return Signature(
        DEFAULT_SIGNATURE,
        {PROMPT: TensorSpec(PROMPT, DType.BYTES, (None,), PROMPT)},
        {TEXT: TensorSpec(TEXT, DType.BYTES, (None,), TEXT)},
        accepts=frozenset(kinds),
        answers=Answers.EITHER,
        text=traits,
    )
