"""Words and sequences of words."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

SPACE = re.compile(r"<br />|[;:]")
SIGN = re.compile(r"(['.,()!?])")


def ngrams_iterator(token_list: Sequence[str], ngrams: int) -> Iterator[str]:
    """Each word, then each two words that follow each other, and so on up to `ngrams` words."""
    for length in range(1, max(ngrams, 1) + 1):
        for start in range(len(token_list) - length + 1):
            yield " ".join(token_list[start : start + length])


def basic_english(line: str) -> list[str]:
    """Lower-case words and signs, each a token; quotation marks, `;`, `:` and line breaks of HTML go."""
    text = SPACE.sub(" ", line.lower().replace('"', ""))
    return SIGN.sub(r" \1 ", text).split()


def get_tokenizer(tokenizer: Any, language: str = "en") -> Callable[[str], list[str]]:
    """The function of this name: `basic_english`, or None for words between blanks; or the function given.

    Errors: ValueError for another name, or another language than English.
    """
    if tokenizer is None:
        return str.split
    if callable(tokenizer):
        function: Callable[[str], list[str]] = tokenizer
        return function
    if tokenizer != "basic_english":
        raise ValueError(f"there is no tokenizer {tokenizer}, only basic_english")
    if language != "en":
        raise ValueError(f"basic_english is for en, not for {language}")
    return basic_english
