"""From texts to the numbers of their tokens, within the model's context."""

from collections.abc import Sequence
from typing import Any

from dragoman.core.embedding import EmbedTraits
from dragoman.core.errors import Reason
from dragoman.core.generation import Ids, refused
from dragoman.engines.embedder.files import Recipe


class Tokens:
    """The tokenizer of a model. Used on several threads."""

    def __init__(self, own: Any, recipe: Recipe, traits: EmbedTraits, *, cuts: bool) -> None:
        own.no_padding()
        own.no_truncation()
        if cuts:
            own.enable_truncation(recipe.context)
        self._own = own
        self._recipe = recipe
        self._context = traits.context
        self._cuts = cuts
        self._size: int = own.get_vocab_size(with_added_tokens=True)

    def of(self, inputs: Sequence[str | Ids]) -> list[Ids]:
        """The tokens of each; tokens that are given are taken as they are.

        Errors: INVALID_ARGUMENT naming `input`, with reason CONTEXT_EXCEEDED for what is too long.
        """
        texts = [self._prepared(text) for text in inputs if isinstance(text, str)]
        encoded = iter(self._own.encode_batch_fast(texts) if len(texts) > 1 else map(self._own.encode, texts))
        found = [next(encoded).ids if isinstance(text, str) else self._checked(text) for text in inputs]
        for place, ids in enumerate(found):
            if not ids:
                raise refused("input", f"text {place} of input has no tokens")
            if len(ids) > self._context:
                message = f"text {place} of input has {len(ids)} tokens; the model takes {self._context}"
                raise refused("input", message, Reason.CONTEXT_EXCEEDED)
        return found

    def _prepared(self, text: str) -> str:
        text = (self._recipe.prompt + text).encode("utf-8", "replace").decode()
        return text.lower() if self._recipe.lower_case else text

    def _checked(self, ids: Ids) -> Ids:
        if min(ids) < 0 or max(ids) >= self._size:
            raise refused("input", f"tokens of this model are the numbers from 0 to {self._size - 1}")
        return ids[: self._context] if self._cuts else ids
