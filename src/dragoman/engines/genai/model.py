"""A pipeline that writes many texts at once, stepped by a thread of its own.

1. Whoever asks puts a command into a queue and waits for nothing; the thread takes commands between steps. It
   sleeps only when no text is under way.
2. What a step gave is handed on in one batch.
3. A pipeline that fails within a step cannot go on. Its texts fail, and the next one gets a new pipeline.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from queue import Empty, SimpleQueue
from types import ModuleType
from typing import Any, Final

import numpy as np
import structlog
from msgspec import Struct

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Finish, Ids, Sampling, TextTraits
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import Chunk, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.text_signature import text_signature
from dragoman.engines.base import ChatTemplate, Emission, Scored
from dragoman.engines.genai.sampling import make_config
from dragoman.engines.genai.schema import check_schema
from dragoman.engines.genai.scoring import Scorer
from dragoman.engines.genai.tokenizer import GenAiTokenizer

Deliver = Callable[[Sequence[Emission]], None]
FAILED: Final = "the engine failed while it wrote this text; the server's log says why"


class Begin(Struct, frozen=True):
    """Begin a text."""

    handle: int
    ids: Ids
    sampling: Sampling


class Cancel(Struct, frozen=True):
    """End a text."""

    handle: int


class Parts(Struct, frozen=True):
    """What the engine has found of a model when it is loaded."""

    traits: TextTraits
    tokenizer: GenAiTokenizer
    template: ChatTemplate | None
    ends: frozenset[int]
    defaults: Sampling
    at_once: int
    name: str
    scorer: Scorer | None = None


class GenAiModel:
    """A model of texts. `make_pipeline` is called again where the first has failed."""

    concurrency = 1

    def __init__(
        self, genai: ModuleType, tensor: Callable[[Any], Any], make_pipeline: Callable[[], Any], parts: Parts
    ) -> None:
        self.signatures: Mapping[str, Signature] = {"serving_default": text_signature(parts.traits)}
        self.traits = parts.traits
        self.tokenizer = parts.tokenizer
        self.template = parts.template
        self.ends = parts.ends
        self.at_once = parts.at_once
        self._genai = genai
        self._tensor = tensor
        self._make_pipeline = make_pipeline
        self._parts = parts
        self._pipeline: Any = make_pipeline()
        self._finishes = {
            genai.GenerationFinishReason.STOP: Finish.STOP,
            genai.GenerationFinishReason.LENGTH: Finish.LENGTH,
        }
        self._commands: SimpleQueue[Begin | Cancel | None] = SimpleQueue()
        self._handles = count()
        self._running: dict[int, Any] = {}
        self._thread: threading.Thread | None = None
        self._closed = False

    def start(self, deliver: Deliver) -> None:
        """Step on a thread from now on."""
        self._thread = threading.Thread(
            target=self._step_on, args=(deliver,), name=f"steps-{self._parts.name}", daemon=True
        )
        self._thread.start()

    def submit(self, ids: Ids, sampling: Sampling) -> int:
        """Begin a text.

        Errors: INVALID_ARGUMENT for a JSON schema that the engine does not take.
        """
        if self._closed:
            raise DragomanError(Code.UNAVAILABLE, f"model {self._parts.name} is closed")
        if sampling.json_schema is not None:
            check_schema(sampling.json_schema)
        handle = next(self._handles)
        self._commands.put(Begin(handle, ids, sampling))
        return handle

    def cancel(self, handle: int) -> None:
        """End a text with the step that is under way."""
        self._commands.put(Cancel(handle))

    def score(self, ids: Ids, first: int, count: int) -> Sequence[Scored]:
        """The tokens from `first` on, each with so many of the likeliest at its place.

        Errors: UNIMPLEMENTED where the owner has switched it off.
        """
        return self._scorer().score(ids, first, count)

    def likelihoods(self, ids: Ids, first: int, masked: Sequence[range]) -> Sequence[float]:
        """The logarithm of probability of all tokens from `first` on, once for each range of masked ones.

        Errors: UNIMPLEMENTED where the owner has switched it off.
        """
        return self._scorer().likelihoods(ids, first, masked)

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        """Nothing: texts are written step by step only."""
        raise DragomanError(Code.FAILED_PRECONDITION, "a model of texts is called through its runner only")

    def stream(self, request: TensorRequest, call: CallContext) -> Iterator[Chunk]:
        """Nothing, too."""
        raise DragomanError(Code.FAILED_PRECONDITION, "a model of texts is called through its runner only")

    def close(self) -> None:
        """End the thread and let go of the pipeline. Calling it twice does no harm."""
        self._closed = True
        thread, self._thread = self._thread, None
        if thread is not None:
            self._commands.put(None)
            thread.join()
        self._pipeline = None
        self._running.clear()
        if self._parts.scorer is not None:
            self._parts.scorer.close()

    def _scorer(self) -> Scorer:
        scorer = self._parts.scorer
        if scorer is None:
            raise DragomanError(Code.UNIMPLEMENTED, "text.scoring is off")
        return scorer

    def _step_on(self, deliver: Deliver) -> None:
        """The thread: commands, a step, what it gave, and again."""
        while True:
            emissions: list[Emission] = []
            if not self._obey(emissions):
                return
            if self._running:
                try:
                    self._pipeline.step()
                    self._collect(emissions)
                except Exception as error:  # whatever the runtime comes to
                    self._fail(error, emissions)
            if emissions:
                deliver(emissions)

    def _obey(self, emissions: list[Emission]) -> bool:
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
            if isinstance(command, Cancel):
                running = self._running.pop(command.handle, None)
                if running is not None:
                    running.cancel()
                continue
            self._begin(command, emissions)

    def _begin(self, command: Begin, emissions: list[Emission]) -> None:
        parts = self._parts
        try:
            config = make_config(self._genai, command.sampling, parts.defaults, parts.ends)
            prompt = self._tensor(np.array([command.ids], np.int64))
            if self._pipeline is None:
                self._pipeline = self._make_pipeline()
            self._running[command.handle] = self._pipeline.add_request(command.handle, prompt, config)
        except Exception as error:
            self._log("a text was not begun", error)
            emissions.append(Emission(command.handle, error=DragomanError(Code.INTERNAL, FAILED)))

    def _collect(self, emissions: list[Emission]) -> None:
        """What the step gave. Each look at the runtime's own objects costs, so there are as few as can be."""
        goes_on = self._genai.GenerationFinishReason.NONE
        status = self._genai.GenerationStatus
        for handle, running in list(self._running.items()):
            if not running.can_read():
                if running.get_status() != status.RUNNING:
                    del self._running[handle]
                    emissions.append(Emission(handle, error=no_room(self._parts.name)))
                continue
            output = next(iter(running.read().values()))  # a request is for one text
            reason = output.finish_reason
            if reason == goes_on:
                emissions.append(Emission(handle, output.generated_ids, output.generated_log_probs))
                continue
            del self._running[handle]
            finish = self._finishes[reason]
            emissions.append(Emission(handle, output.generated_ids, output.generated_log_probs, finish))

    def _fail(self, error: Exception, emissions: list[Emission]) -> None:
        """Every text fails that was under way."""
        self._log("a step failed", error)
        failure = DragomanError(Code.INTERNAL, FAILED)
        emissions += [Emission(handle, error=failure) for handle in self._running]
        self._running.clear()
        self._pipeline = None

    def _log(self, what: str, error: Exception) -> None:
        structlog.get_logger("dragoman.engines.genai").error(what, model=self._parts.name, cause=str(error))


def no_room(model: str) -> DragomanError:
    """The error for a text that the engine dropped."""
    return DragomanError(
        Code.RESOURCE_EXHAUSTED,
        f"model {model} has no memory left for this text; options.cache_gib bounds it",
        retry_after_s=1.0,
    )
