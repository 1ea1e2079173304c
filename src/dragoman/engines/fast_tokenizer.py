"""The tokenizer that a folder of Hugging Face has in tokenizer.json."""

from typing import Any

from dragoman.core.generation import Ids


class FastTokenizer:
    """The tokenizer of a folder."""

    def __init__(self, own: Any) -> None:
        self._own = own
        self.size: int = own.get_vocab_size()

    def encode(self, text: str, *, special: bool) -> list[int]:
        """The tokens.

        Errors: UnicodeEncodeError for half a surrogate pair.
        """
        text.encode()
        ids: list[int] = self._own.encode(text, add_special_tokens=special).ids
        return ids

    def decode(self, ids: Ids, *, special: bool) -> str:
        """The text."""
        text: str = self._own.decode(list(ids), skip_special_tokens=not special)
        return text

    def table(self, *, special: bool) -> None:
        """Nothing: how tokens become text is the tokenizer's to know."""
        return
