"""How likely each token of a text was, and which were likelier: the model once more, with all logits.

The pipeline tells the logarithm of the token it chose and nothing of the others. So the same files are
compiled a second time, when somebody first asks, and read a text in slices, each from where the last one
ended.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np

from dragoman.core.generation import Ids
from dragoman.core.tensors import Array
from dragoman.engines.base import Scored
from dragoman.engines.genai.files import MODEL

SLICE: Final = 256  # tokens at once: each has a logit for every token there is
PROPERTIES: Final = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"}  # not to hang on slices


class Scorer:
    """Compiled when it is first asked. Used on several threads, by one at a time."""

    def __init__(self, folder: str, device: str, make_core: Callable[[], Any]) -> None:
        self._path = os.path.join(folder, MODEL)
        self._device = device
        self._make_core = make_core
        self._lock = threading.Lock()
        self._request: Any = None

    def score(self, ids: Ids, first: int, count: int) -> Sequence[Scored]:
        """The tokens from `first` on, which is above 0, each with so many of the likeliest at its place."""
        scored: list[Scored] = []
        with self._lock:
            for wanted, (logprobs,) in self._read(ids, first, np.ones((1, len(ids) - 1), np.int64)):
                scored += [one(row, token, count) for row, token in zip(logprobs, wanted, strict=True)]
        return scored

    def likelihoods(self, ids: Ids, first: int, masked: Sequence[range]) -> Sequence[float]:
        """The logarithm of probability of all tokens from `first` on, once for each range of masked ones."""
        mask = np.ones((len(masked), len(ids) - 1), np.int64)
        for row, places in zip(mask, masked, strict=True):
            row[places.start : places.stop] = 0
        sums = np.zeros(len(masked))
        with self._lock:
            for wanted, logprobs in self._read(ids, first, mask):
                sums += logprobs[:, np.arange(len(wanted)), wanted].sum(axis=1)
        found: list[float] = sums.tolist()
        return found

    def close(self) -> None:
        """Let go of the model."""
        with self._lock:
            self._request = None

    def _read(self, ids: Ids, first: int, mask: Array) -> Iterator[tuple[Ids, Array]]:
        """Slices of the tokens from `first` on, each with the logarithms of probability at its places.

        Shapes: `mask` (rows, tokens but the last), 0 for a masked one; given (rows, tokens, vocabulary).
        """
        if self._request is None:
            compiled = self._make_core().compile_model(self._path, self._device, PROPERTIES)
            self._request = compiled.create_infer_request()
        self._request.reset_state()
        for start in range(0, len(ids) - 1, SLICE):
            part = ids[start : min(start + SLICE, len(ids) - 1)]
            logits = self._logits(part, start, mask[:, : start + len(part)])
            skipped = max(0, first - 1 - start)
            if skipped < len(part):
                wanted = ids[start + skipped + 1 : start + len(part) + 1]
                yield wanted, log_softmax(logits[:, skipped:])

    def _logits(self, part: Ids, start: int, mask: Array) -> Array:
        """The logits behind each of these tokens, which are at `start`, once for each row of the mask.

        Shapes: (rows, tokens, vocabulary).
        """
        rows, size = len(mask), len(part)
        inputs = {
            "input_ids": np.array([part] * rows, np.int64),
            "attention_mask": np.ascontiguousarray(mask),
            "position_ids": np.tile(np.arange(start, start + size, dtype=np.int64), (rows, 1)),
            "beam_idx": np.arange(rows, dtype=np.int32),
        }
        known = {name for port in self._request.model_inputs for name in port.names}
        self._request.infer({name: value for name, value in inputs.items() if name in known})
        logits: Array = self._request.get_tensor("logits").data
        return logits


def log_softmax(logits: Array) -> Array:
    """Logarithms of probability along the last axis."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    found: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return found


def one(row: Array, token: int, count: int) -> Scored:
    """One place: the token that is there, and the likeliest, best first."""
    count = min(count, row.size)
    best = np.argpartition(row, -count)[-count:] if count else np.empty(0, np.int64)
    best = best[np.argsort(row[best], kind="stable")[::-1]]
    return Scored(float(row[token]), tuple((int(other), float(row[other])) for other in best))
