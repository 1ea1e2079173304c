"""A model of transformers that writes texts in turns: each step gives every text its next token, one by one.

It is correct and not fast: texts are not computed together. The steps run on a thread of their own.
"""

import inspect
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from queue import Empty, SimpleQueue
from types import ModuleType
from typing import Any, Final

import structlog
from msgspec import Struct
from msgspec.structs import replace

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Finish, Ids, Sampling, TextTraits
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import Chunk, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.text_signature import text_signature
from dragoman.engines.base import ChatTemplate, Emission, Scored, TextTokenizer
from dragoman.engines.transformers.choosing import Chooser

Deliver = Callable[[Sequence[Emission]], None]
FAILED: Final = "the engine failed while it wrote this text; the server's log says why"
SLICE: Final = 256  # tokens that are scored at once


class Parts(Struct, frozen=True):
    """What the engine has found of a model when it is loaded."""

    traits: TextTraits
    tokenizer: TextTokenizer
    template: ChatTemplate | None
    ends: frozenset[int]
    defaults: Sampling
    at_once: int
    name: str


class Begun(Struct):
    """A text under way. `waiting` = tokens that the model has yet to read; `past` = those it has read."""

    handle: int
    sampling: Sampling
    chooser: Chooser
    waiting: Ids
    stops: frozenset[int]
    past: Any = None
    written: int = 0


class TransformersModel:
    """A model of texts."""

    concurrency = 1

    def __init__(self, torch: ModuleType, model: Any, parts: Parts) -> None:
        self.signatures: Mapping[str, Signature] = {"serving_default": text_signature(parts.traits)}
        self.traits = parts.traits
        self.tokenizer = parts.tokenizer
        self.template = parts.template
        self.ends = parts.ends
        self.at_once = parts.at_once
        self._torch = torch
        self._model = model
        self._parts = parts
        taken = inspect.signature(model.forward).parameters
        self._past = "cache" if "cache" in taken else "past_key_values"  # as the release calls it
        self._takes_places = "position_ids" in taken
        self._commands: SimpleQueue[Begun | int | None] = SimpleQueue()
        self._handles = count()
        self._running: dict[int, Begun] = {}
        self._thread: threading.Thread | None = None
        self._closed = False

    def start(self, deliver: Deliver) -> None:
        """Step on a thread from now on."""
        self._thread = threading.Thread(
            target=self._step_on, args=(deliver,), name=f"steps-{self._parts.name}", daemon=True
        )
        self._thread.start()

    def submit(self, ids: Ids, sampling: Sampling) -> int:
        """Begin a text."""
        if self._closed:
            raise DragomanError(Code.UNAVAILABLE, f"model {self._parts.name} is closed")
        handle = next(self._handles)
        sampling = with_defaults(sampling, self._parts.defaults)
        seed = secrets.randbits(63) if sampling.seed is None else sampling.seed
        chooser = Chooser(self._torch, sampling, ids, self.ends, seed)
        stops = frozenset(sampling.stop_ids) | (frozenset() if sampling.ignore_end else self.ends)
        self._commands.put(Begun(handle, sampling, chooser, ids, stops))
        return handle

    def cancel(self, handle: int) -> None:
        """End a text with the step that is under way."""
        self._commands.put(handle)

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

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        """Nothing: texts are written step by step only."""
        raise DragomanError(Code.FAILED_PRECONDITION, "a model of texts is called through its runner only")

    def stream(self, request: TensorRequest, call: CallContext) -> Iterator[Chunk]:
        """Nothing, too."""
        raise DragomanError(Code.FAILED_PRECONDITION, "a model of texts is called through its runner only")

    def close(self) -> None:
        """End the thread and let go of the model. Calling it twice does no harm."""
        self._closed = True
        thread, self._thread = self._thread, None
        if thread is not None:
            self._commands.put(None)
            thread.join()
        self._model = None
        self._running.clear()

    def _step_on(self, deliver: Deliver) -> None:
        """The thread: commands, a step, what it gave, and again."""
        while self._obey():
            emissions = [self._step(begun) for begun in list(self._running.values())]
            if emissions:
                deliver(emissions)

    def _obey(self) -> bool:
        """Carry out what was asked for meanwhile, waiting for it where nothing else is to be done."""
        wait = not self._running
        while True:
            try:
                command = self._commands.get(block=wait)
            except Empty:
                return True
            wait = False
            if command is None:
                return False
            if isinstance(command, Begun):
                self._running[command.handle] = command
            else:
                self._running.pop(command, None)

    def _step(self, begun: Begun) -> Emission:
        """The next token of one text."""
        try:
            logits, begun.past = self._forward(begun.waiting, begun.past)
            token, logprob = begun.chooser.choose(logits[0][-1])
        except Exception as error:  # whatever the runtime comes to
            structlog.get_logger("dragoman.engines.transformers").error(
                "a step failed", model=self._parts.name, cause=str(error)
            )
            del self._running[begun.handle]
            return Emission(begun.handle, error=DragomanError(Code.INTERNAL, FAILED))
        begun.waiting = [token]
        begun.written += 1
        finish = None
        if token in begun.stops:
            finish = Finish.STOP
        elif begun.written == begun.sampling.max_tokens:
            finish = Finish.LENGTH
        if finish is not None:
            del self._running[begun.handle]
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


def with_defaults(sampling: Sampling, defaults: Sampling) -> Sampling:
    """What the caller says, and where it says nothing what the model's files say."""
    names = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
    missing = {name: getattr(defaults, name) for name in names if getattr(sampling, name) is None}
    return replace(sampling, **missing)
