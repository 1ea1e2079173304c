"""From texts to the numbers of their tokens, within the model's context."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from dragoman.core.context import CallContext
from dragoman.core.embedding import EmbedTraits
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.generation import Ids, refused
from dragoman.engines.embedding.recipe import Recipe

AT_ONCE: Final = 64  # texts, after which a caller that has gone is noticed
# Of one token, at the most. A text of more than the context has room for at that is not even looked at.
MOST_CHARS: Final = 256


class Tokens:
    """The tokenizer of a model. Used on several threads."""

    def __init__(self, own: Any, recipe: Recipe, traits: EmbedTraits, *, cuts: bool) -> None:
        own.no_padding()
        own.no_truncation()
        self._whole = type(own).from_str(own.to_str()) if cuts else own
        if cuts:
            own.enable_truncation(recipe.context)
        self._own = own
        self._recipe = recipe
        self._context = traits.context
        self._cuts = cuts
        self._size: int = own.get_vocab_size(with_added_tokens=True)

    def of(self, inputs: Sequence[str | Ids], call: CallContext) -> list[Ids]:
        """The tokens of each; tokens that are given are taken as they are.

        Errors: INVALID_ARGUMENT naming `input`, with reason CONTEXT_EXCEEDED for what is too long; CANCELLED.
        """
        found: list[Ids] = []
        for start in range(0, len(inputs), AT_ONCE):
            if call.cancelled:
                raise unwanted()
            for ids in self._some(inputs[start : start + AT_ONCE], start):
                if not ids:
                    raise refused("input", f"text {len(found)} of input has no tokens")
                if len(ids) > self._context:
                    raise self._too_long(len(found), f"{len(ids)} tokens")
                found.append(ids)
        return found

    def whole(self, text: str, *, special: bool) -> Ids:
        """The tokens of a text, however many."""
        ids: Ids = self._whole.encode(
            text.encode("utf-8", "replace").decode(), add_special_tokens=special
        ).ids
        return ids

    def _some(self, inputs: Sequence[str | Ids], start: int) -> Iterator[Ids]:
        texts = [
            self._prepared(text, start + place) for place, text in enumerate(inputs) if isinstance(text, str)
        ]
        encoded = iter(self._own.encode_batch_fast(texts) if len(texts) > 1 else map(self._own.encode, texts))
        for text in inputs:
            yield next(encoded).ids if isinstance(text, str) else self._checked(text)

    def _prepared(self, text: str, place: int) -> str:
        most = self._context * MOST_CHARS
        if len(text) > most:
            if not self._cuts:
                raise self._too_long(place, f"{len(text)} characters")
            text = text[:most]
        text = (self._recipe.prompt + text).encode("utf-8", "replace").decode()
        return text.lower() if self._recipe.lower_case else text

    def _too_long(self, place: int, size: str) -> DragomanError:
        message = f"text {place} of input has {size}; the model takes {self._context} tokens"
        return refused("input", message, Reason.CONTEXT_EXCEEDED)

    def _checked(self, ids: Ids) -> Ids:
        if min(ids) < 0 or max(ids) >= self._size:
            raise refused("input", f"tokens of this model are the numbers from 0 to {self._size - 1}")
        return ids[: self._context] if self._cuts else ids


def unwanted() -> DragomanError:
    """The error for a call that nobody waits for any more."""
    return DragomanError(Code.CANCELLED, "nobody waits for these vectors any more")
