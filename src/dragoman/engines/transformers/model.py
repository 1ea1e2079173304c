"""A model of transformers that writes texts in turns: each step gives every text its next token, one by one.

It is correct and not fast: texts are not computed together. The steps run on a thread of their own.
"""

import inspect
import secrets
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Final

import structlog
from msgspec import Struct

from dragoman.core.generation import Finish, Ids, Sampling, with_defaults
from dragoman.engines.base import Emission, Scored
from dragoman.engines.text_model import Begin, SteppedModel, TextParts
from dragoman.engines.transformers.choosing import Chooser

SLICE: Final = 256  # tokens that are scored at once


class Begun(Struct):
    """A text under way. `waiting` = tokens that the model has yet to read; `past` = those it has read."""

    handle: int
    sampling: Sampling
    chooser: Chooser
    waiting: Ids
    stops: frozenset[int]
    past: Any = None
    written: int = 0


class TransformersModel(SteppedModel):
    """A model of texts."""

    def __init__(self, torch: ModuleType, model: Any, parts: TextParts) -> None:
        super().__init__(parts)
        self._torch = torch
        self._model = model
        taken = inspect.signature(model.forward).parameters
        self._past = "cache" if "cache" in taken else "past_key_values"  # as the release calls it
        self._takes_places = "position_ids" in taken

    def check(self, sampling: Sampling) -> None:
        """Nothing: all that is asked here can be chosen by."""

    def drop(self, running: Begun) -> None:
        """Nothing: the next step does not see it."""

    def begin(self, asked: Begin) -> Begun:
        """A text with what chooses its tokens."""
        sampling = with_defaults(asked.sampling, self.defaults)
        seed = secrets.randbits(63) if sampling.seed is None else sampling.seed
        chooser = Chooser(self._torch, sampling, asked.ids, self.ends, seed)
        stops = frozenset(sampling.stop_ids) | (frozenset() if sampling.ignore_end else self.ends)
        return Begun(asked.handle, sampling, chooser, asked.ids, stops)

    def score(self, ids: Ids, first: int, count: int) -> Sequence[Scored]:
        """The tokens from `first` on, which is above 0, each with so many of the likeliest at its place."""
        scored: list[Scored] = []
        past = None
        for start in range(0, len(ids) - 1, SLICE):
            part = ids[start : min(start + SLICE, len(ids) - 1)]
            logits, past = self._forward(part, past)
            rows = self._torch.log_softmax(logits[0].float(), -1)
            for place in range(max(0, first - 1 - start), len(part)):
                best = rows[place].topk(min(count, rows.shape[-1]))
                pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
                scored.append(Scored(float(rows[place][ids[start + place + 1]]), tuple(pairs)))
        return scored

    def likelihoods(self, ids: Ids, first: int, masked: Sequence[range]) -> Sequence[float]:
        """The logarithm of probability of all tokens from `first` on, once for each range of masked ones."""
        torch, last = self._torch, len(ids) - 1
        mask = torch.ones((len(masked), last), dtype=torch.int64, device=self._model.device)
        for row, places in zip(mask, masked, strict=True):
            row[places.start : places.stop] = 0
        sums = torch.zeros(len(masked), dtype=torch.float64)
        past = None
        for start in range(0, last, SLICE):
            stop = min(start + SLICE, last)
            logits, past = self._forward(ids[start:stop], past, mask[:, :stop])
            skipped = max(0, first - 1 - start)
            if skipped < stop - start:
                logprobs = torch.log_softmax(logits[:, skipped:].float(), -1).cpu()
                wanted = torch.tensor(ids[start + skipped + 1 : stop + 1])
                at = wanted.expand(len(masked), -1).unsqueeze(-1)
                sums += logprobs.gather(-1, at).squeeze(-1).sum(-1, dtype=torch.float64)
        found: list[float] = sums.tolist()
        return found

    def step(self) -> list[Emission]:
        """The next token of every text, one after the other."""
        return [self._next(begun) for begun in list(self.running.values())]

    def let_go(self) -> None:
        """Give the model back."""
        self._model = None

    def log(self, what: str, error: Exception) -> None:
        """Tell the log what the runtime came to."""
        structlog.get_logger("dragoman.engines.transformers").error(what, model=self.name, cause=str(error))

    def _next(self, begun: Begun) -> Emission:
        """The next token of one text."""
        try:
            logits, begun.past = self._forward(begun.waiting, begun.past)
            token, logprob = begun.chooser.choose(logits[0][-1])
        except Exception as error:  # whatever the runtime comes to
            self.log("a step failed", error)
            del self.running[begun.handle]
            return self.failed([begun.handle])[0]
        begun.waiting = [token]
        begun.written += 1
        finish = None
        if token in begun.stops:
            finish = Finish.STOP
        elif begun.written == begun.sampling.max_tokens:
            finish = Finish.LENGTH
        if finish is not None:
            del self.running[begun.handle]
        return Emission(begun.handle, [token], [logprob], finish)

    def _forward(self, ids: Ids, past: Any, mask: Any = None) -> tuple[Any, Any]:
        """The logits behind each of these tokens, and what the model keeps of all so far.

        Shapes: (rows, tokens, vocabulary), as many rows as the mask has, which is (rows, all tokens so far).
        """
        torch, device = self._torch, self._model.device
        told: dict[str, Any] = {self._past: past}
        rows = 1
        if mask is not None:
            rows, end = mask.shape
            told["attention_mask"] = mask
            if self._takes_places:
                told["position_ids"] = torch.arange(end - len(ids), end, device=device).expand(rows, -1)
        with torch.inference_mode():
            given = torch.tensor([list(ids)] * rows, device=device)
            found = self._model(input_ids=given, use_cache=True, **told)
        return found.logits, found[self._past]
