"""The model's tokenizer, and a faster way back where tokens are bytes."""

from collections.abc import Sequence
from typing import Any

from dragoman.core.generation import Ids


class GenAiTokenizer:
    """OpenVINO's tokenizer. `table` = the bytes of each token, where a text is just those of its tokens.

    Decoding asks OpenVINO for some 100 µs each time; the table takes one.
    """

    def __init__(self, own: Any, size: int, table: Sequence[bytes] | None, special: frozenset[int]) -> None:
        self.size = size
        self._own = own
        self._shown = table
        self._hidden = (
            None if table is None else [b"" if token in special else data for token, data in enumerate(table)]
        )

    def encode(self, text: str, *, special: bool) -> list[int]:
        """The tokens.

        Errors: UnicodeEncodeError for half a surrogate pair.
        """
        text.encode()
        if not text:
            return []
        ids: list[int] = self._own.encode(text, add_special_tokens=special).input_ids.data[0].tolist()
        return ids

    def table(self, *, special: bool) -> Sequence[bytes] | None:
        """The bytes of each token, where they are known."""
        return self._shown if special else self._hidden

    def decode(self, ids: Ids, *, special: bool) -> str:
        """The text."""
        table = self.table(special=special)
        if table is not None:
            return b"".join([table[token] for token in ids]).decode("utf-8", "replace")
        text: str = self._own.decode(list(ids), skip_special_tokens=not special)
        return text


def byte_table(own: Any, size: int) -> Sequence[bytes] | None:
    """The bytes of each token; None where the tokenizer does not tell all of them."""
    try:
        vocabulary: dict[bytes, int] = own.get_vocab()
    except RuntimeError:
        return None
    table: list[bytes | None] = [None] * size
    for data, token in vocabulary.items():
        if token < size:
            table[token] = data
    found = [data for data in table if data is not None]
    return found if len(found) == size else None
