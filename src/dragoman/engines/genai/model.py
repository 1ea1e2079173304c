"""A model that writes many texts at once, in a process of its own.

1. Whoever asks puts a command into a queue and waits for nothing: one thread sends them, another hands on
   what comes.
2. Where the process ends, its texts fail, and the next ones have a new process.
"""

import threading
from collections.abc import Sequence
from itertools import count
from queue import SimpleQueue
from typing import Final

import structlog

from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Ids, Sampling
from dragoman.engines.base import Emission, Scored
from dragoman.engines.genai.link import Begin, Cancel, Start, Steps
from dragoman.engines.genai.process import RefusedError, StepProcess, failed, failure_of
from dragoman.engines.genai.schema import check_schema
from dragoman.engines.genai.scoring import Scorer
from dragoman.engines.text_model import Deliver, DescribedModel, TextParts, closed

RETRY_S: Final = 5.0  # from one start that failed to the next


class GenAiModel(DescribedModel):
    """A model of texts.

    Errors: RefusedError where the runtime refuses its files.
    """

    def __init__(self, parts: TextParts, start: Start, scorer: Scorer | None = None) -> None:
        super().__init__(parts)
        self._start = start
        self._scoring = scorer
        self._commands: SimpleQueue[Begin | Cancel | None] = SimpleQueue()
        self._handles = count()
        self._running: set[int] = set()
        self._threads: list[threading.Thread] = []
        self._closing = threading.Event()
        self._changing = threading.Lock()  # held while a process takes the place of another, and to send
        self._process = StepProcess(start)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def start(self, deliver: Deliver) -> None:
        """Hand on what steps give from now on."""
        name = self.name
        self._threads = [
            threading.Thread(target=self._send_on, name=f"asks-{name}", daemon=True),
            threading.Thread(target=self._read_on, args=(deliver,), name=f"steps-{name}", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, ids: Ids, sampling: Sampling) -> int:
        """Begin a text.

        Errors: INVALID_ARGUMENT for a JSON schema that the engine does not take.
        """
        if self._closing.is_set():
            raise closed(self.name)
        if sampling.json_schema is not None:
            check_schema(sampling.json_schema)
        handle = next(self._handles)
        self._running.add(handle)
        self._commands.put(Begin(handle, ids, sampling))
        return handle

    def cancel(self, handle: int) -> None:
        """End a text with the step that is under way."""
        self._running.discard(handle)
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

    def close(self) -> None:
        """End the process and the threads. Calling it twice does no harm."""
        self._closing.set()
        self._process.end()
        threads, self._threads = self._threads, []
        if threads:
            self._commands.put(None)
        for thread in threads:
            thread.join()
        self._process.close()
        self._running.clear()
        if self._scoring is not None:
            self._scoring.close()

    def _scorer(self) -> Scorer:
        if self._scoring is None:
            raise DragomanError(Code.UNIMPLEMENTED, "text.scoring is off")
        return self._scoring

    def _send_on(self) -> None:
        """The thread that sends. Of texts that have failed meanwhile, nothing."""
        while (command := self._commands.get()) is not None:
            with self._changing:
                if isinstance(command, Cancel) or command.handle in self._running:
                    self._process.send(command)

    def _read_on(self, deliver: Deliver) -> None:
        """The thread that hands on."""
        while True:
            steps = self._process.read()
            if steps is not None:
                deliver(self._emissions(steps))
            elif self._closing.is_set():
                return
            else:
                self._start_again(deliver)

    def _emissions(self, steps: Steps) -> list[Emission]:
        for cause in steps.causes:
            self._log(cause)
        name = self.name
        found = []
        for told in steps.told:
            error = failure_of(told, name)
            if told.finish is not None or error is not None:
                self._running.discard(told.handle)
            found.append(Emission(told.handle, told.ids, told.logprobs, told.finish, error))
        return found

    def _start_again(self, deliver: Deliver) -> None:
        """What is under way fails, and another process takes the place of the one that ended."""
        self._log(f"the process that writes ended with {self._process.close()}")
        while not self._closing.is_set():
            with self._changing:
                lost = list(self._running)
                self._running.clear()
                deliver([Emission(handle, error=failed()) for handle in lost])
                try:
                    self._process = StepProcess(self._start)
                except RefusedError as error:
                    self._log(f"the process that writes does not start: {error}")
                else:
                    break
            self._closing.wait(RETRY_S)
        if self._closing.is_set():
            self._process.end()  # which `close` did to the one before

    def _log(self, cause: str) -> None:
        structlog.get_logger("dragoman.engines.genai").error(
            "text generation failed", model=self.name, cause=cause
        )
