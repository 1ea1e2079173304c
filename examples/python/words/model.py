"""Counts the words of texts: a model in plain Python, with text, an option and a stream."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np


class Model:
    """`text` in; the number of words and the longest word of each text out."""

    inputs: ClassVar = {"text": ("bytes", [None])}
    outputs: ClassVar = {"count": ("int64", [None]), "longest": ("bytes", [None])}
    options: ClassVar = {"most_characters": 10_000}

    def load(self, context: Any) -> None:
        """Called once; `context` has `path` (this folder), `options`, `model` and `version`."""
        self.most_characters = context.options["most_characters"]

    def predict(self, inputs: Mapping[str, np.ndarray]) -> Mapping[str, Any]:
        """Every text at once. A ValueError is what the caller is told."""
        words = [self.words(text) for text in inputs["text"]]
        return {
            "count": np.array([len(found) for found in words], np.int64),
            "longest": [max(found, key=len, default="") for found in words],
        }

    def stream(self, inputs: Mapping[str, np.ndarray]) -> Iterator[Mapping[str, Any]]:
        """The same text by text, for callers that want the first answer before the last is made."""
        for index in range(len(inputs["text"])):
            yield self.predict({"text": inputs["text"][index : index + 1]})

    def words(self, text: bytes) -> list[str]:
        """The words of one text; text comes as UTF-8 bytes."""
        if len(text) > self.most_characters:
            raise ValueError(f"a text has {len(text)} bytes; {self.most_characters} are allowed")
        return text.decode().split()
