"""What the models of texts have in common which step on a thread of their own.

1. Whoever asks puts a command into a queue and waits for nothing; the thread takes commands between steps. It
   sleeps only when no text is under way.
2. What a step gave is handed on in one batch.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any, Final

from msgspec import Struct

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Ids, Sampling, TextTraits
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import Chunk, TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.text_signature import text_signature
from dragoman.engines.base import ChatTemplate, Emission, TextTokenizer

Deliver = Callable[[Sequence[Emission]], None]
FAILED: Final = "the engine failed while it wrote this text; the server's log says why"


class TextParts(Struct, frozen=True):
    """What an engine has found of a model when it is loaded."""

    traits: TextTraits
    tokenizer: TextTokenizer
    template: ChatTemplate | None
    ends: frozenset[int]
    defaults: Sampling
    at_once: int
    name: str


def closed(name: str) -> DragomanError:
    """The error for a text that a model which is closed was to write."""
    return DragomanError(Code.UNAVAILABLE, f"model {name} is closed")


class Begin(Struct, frozen=True):
    """Begin a text."""

    handle: int
    ids: Ids
    sampling: Sampling


class DescribedModel:
    """What callers see of a model of texts, whose runner calls nothing but what it takes texts by."""

    concurrency = 1

    def __init__(self, parts: TextParts) -> None:
        self.signatures: Mapping[str, Signature] = {"serving_default": text_signature(parts.traits)}
        self.traits = parts.traits
        self.tokenizer = parts.tokenizer
        self.template = parts.template
        self.ends = parts.ends
        self.at_once = parts.at_once
        self.name = parts.name
        self.defaults = parts.defaults

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        """Nothing: texts are written step by step only."""
        raise DragomanError(Code.FAILED_PRECONDITION, "a model of texts is called through its runner only")

    def stream(self, request: TensorRequest, call: CallContext) -> Iterator[Chunk]:
        """Nothing, too."""
        raise DragomanError(Code.FAILED_PRECONDITION, "a model of texts is called through its runner only")


class SteppedModel(DescribedModel, ABC):
    """A model of texts. `running` = what the runtime has for each text that is under way, by its handle."""

    def __init__(self, parts: TextParts) -> None:
        super().__init__(parts)
        self.running: dict[int, Any] = {}
        self._commands: SimpleQueue[Begin | int | None] = SimpleQueue()
        self._handles = count()
        self._thread: threading.Thread | None = None
        self._closed = False

    def start(self, deliver: Deliver) -> None:
        """Step on a thread from now on."""
        self._thread = threading.Thread(
            target=self._step_on, args=(deliver,), name=f"steps-{self.name}", daemon=True
        )
        self._thread.start()

    def submit(self, ids: Ids, sampling: Sampling) -> int:
        """Begin a text.

        Errors: UNAVAILABLE once it is closed; INVALID_ARGUMENT for what the runtime does not take.
        """
        if self._closed:
            raise closed(self.name)
        self.check(sampling)
        handle = next(self._handles)
        self._commands.put(Begin(handle, ids, sampling))
        return handle

    def cancel(self, handle: int) -> None:
        """End a text with the step that is under way."""
        self._commands.put(handle)

    def close(self) -> None:
        """End the thread and let go of the model. Calling it twice does no harm."""
        self._closed = True
        thread, self._thread = self._thread, None
        if thread is not None:
            self._commands.put(None)
            thread.join()
        self.running.clear()
        self.let_go()

    @abstractmethod
    def check(self, sampling: Sampling) -> None:
        """Refuse what the runtime does not take."""

    @abstractmethod
    def begin(self, asked: Begin) -> Any:
        """What is kept of a text in `running`. Whatever it raises fails this text."""

    @abstractmethod
    def drop(self, running: Any) -> None:
        """A text is not written on."""

    @abstractmethod
    def step(self) -> list[Emission]:
        """The next tokens of the texts that are running; those that end are taken out."""

    @abstractmethod
    def let_go(self) -> None:
        """Give everything back."""

    @abstractmethod
    def log(self, what: str, error: Exception) -> None:
        """Tell the log what the runtime came to."""

    def failed(self, handles: Iterable[int]) -> list[Emission]:
        """That these texts fail."""
        return [Emission(handle, error=DragomanError(Code.INTERNAL, FAILED)) for handle in handles]

    def _step_on(self, deliver: Deliver) -> None:
        """The thread: commands, a step, what it gave, and again."""
        while True:
            emissions: list[Emission] = []
            if not self._obey(emissions):
                return
            if self.running:
                emissions += self.step()
            if emissions:
                deliver(emissions)

    def _obey(self, emissions: list[Emission]) -> bool:
        """Carry out what was asked for meanwhile, waiting for it where nothing else is to be done."""
        wait = not self.running
        while True:
            try:
                command = self._commands.get(block=wait)
            except Empty:
                return True
            if command is None:
                return False
            wait = False
            if isinstance(command, int):
                if (running := self.running.pop(command, None)) is not None:
                    self.drop(running)
                continue
            try:
                self.running[command.handle] = self.begin(command)
            except Exception as error:  # whatever the runtime comes to
                self.log("a text was not begun", error)
                emissions += self.failed([command.handle])
