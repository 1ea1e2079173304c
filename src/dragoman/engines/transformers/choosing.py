"""The next token, chosen of a model's logits as the caller wants it.

The order is that of transformers: penalties and biases, then temperature, then `top_k`, `top_p`, `min_p`.
"""

from collections import Counter
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from dragoman.core.generation import Sampling


class Chooser:
    """Chooses the tokens of one text. `torch` is the package; `logits` are one row, on any device."""

    def __init__(
        self, torch: ModuleType, sampling: Sampling, prompt: Sequence[int], ends: frozenset[int], seed: int
    ) -> None:
        self._torch = torch
        self._sampling = sampling
        self._ends = sorted(ends)
        self._prompt = frozenset(prompt)
        self._written: Counter[int] = Counter()
        self._random = torch.Generator().manual_seed(seed % 2**63)

    def choose(self, logits: Any) -> tuple[int, float]:
        """The token and its logarithm of probability, as the model has it."""
        torch, sampling = self._torch, self._sampling
        row = logits.detach().to("cpu", torch.float32)
        logprobs = torch.log_softmax(row, -1)
        row = self._penalized(row.clone())
        if not sampling.temperature:
            token = int(row.argmax())
        else:
            kept = self._kept(row / sampling.temperature)
            token = int(torch.multinomial(torch.softmax(kept, -1), 1, generator=self._random))
        self._written[token] += 1
        return token, float(logprobs[token])

    def _penalized(self, row: Any) -> Any:
        """The logits with what speaks against and for single tokens."""
        sampling, size = self._sampling, len(row)
        if sampling.repetition_penalty not in (None, 1.0):
            seen = [token for token in self._prompt | self._written.keys() if token < size]
            values = row[seen]
            factor = sampling.repetition_penalty
            row[seen] = self._torch.where(values > 0, values / factor, values * factor)
        for token, count in self._written.items():
            row[token] -= (sampling.frequency_penalty or 0) * count + (sampling.presence_penalty or 0)
        for token, bias in (sampling.logit_bias or {}).items():
            if token < size:
                row[token] += bias
        if self._ends and sum(self._written.values()) < sampling.min_tokens:
            row[self._ends] = -self._torch.inf
        return row

    def _kept(self, row: Any) -> Any:
        """The logits without those of tokens that are not to be chosen."""
        torch, sampling = self._torch, self._sampling
        if sampling.top_k is not None and 0 < sampling.top_k < len(row):
            row[row < row.topk(sampling.top_k).values[-1]] = -torch.inf
        if sampling.top_p is not None and sampling.top_p < 1:
            ordered, places = row.sort(descending=True)
            before = torch.softmax(ordered, -1).cumsum(-1) - torch.softmax(ordered, -1)
            row[places[before >= sampling.top_p]] = -torch.inf
        if sampling.min_p:
            chances = torch.softmax(row, -1)
            row[chances < sampling.min_p * chances.max()] = -torch.inf
        return row
