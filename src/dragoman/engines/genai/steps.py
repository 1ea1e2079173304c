"""The process that steps a pipeline, and writes many texts at once.

The runtime holds Python's lock for the whole of a step. In the server's own process nothing else would run
meanwhile: no answer would be sent, and no other model asked.

1. Commands are taken between steps. It sleeps only when no text is under way.
2. What a step gave is handed on at once for all texts. Where steps are short, several are looked at together:
   looking at a text and handing on takes some 10 us, and so there are `LOOK_S` for each from one look to the
   next. A text's first tokens do not wait for that.
3. A pipeline that fails within a step cannot go on. Its texts fail, and the next one gets a new pipeline.
4. The process ends when the server's end of the link does.
"""

import socket
import sys
from collections.abc import Callable, Mapping
from time import monotonic
from types import ModuleType
from typing import Any, Final

import numpy as np

from dragoman.core.generation import Finish
from dragoman.engines.genai.link import Begin, Cancel, Link, Start, Started, Steps, Told
from dragoman.engines.genai.sampling import make_config

LOOK_S: Final = 0.0001
MOST_LOOK_S: Final = 0.004

Clock = Callable[[], float]


class Stepper:
    """Writes the texts that a link asks for. `make_pipeline` is called again where one has failed."""

    def __init__(
        self,
        link: Link,
        start: Start,
        genai: ModuleType,
        tensor: Callable[[Any], Any],
        make_pipeline: Callable[[], Any],
        clock: Clock = monotonic,
    ) -> None:
        self._link = link
        self._start = start
        self._genai = genai
        self._tensor = tensor
        self._make_pipeline = make_pipeline
        self._clock = clock
        self._pipeline: Any = make_pipeline()
        self._is_running = genai.GenerationStatus.RUNNING
        self._finishes = {
            genai.GenerationFinishReason.STOP: Finish.STOP,
            genai.GenerationFinishReason.LENGTH: Finish.LENGTH,
        }
        self._running: dict[int, Any] = {}
        self._fresh: dict[int, Any] = {}  # those of them that have given nothing yet
        self._scored: set[int] = set()  # those of them whose logarithms of probability are wanted
        self._looked_s = 0.0

    def run(self) -> None:
        """Commands, a step, what it gave, and again.

        Errors: EOFError, OSError where the server is gone.
        """
        while True:
            told: list[Told] = []
            causes: list[str] = []
            self._obey(told, causes)
            if self._running:
                try:
                    self._pipeline.step()
                    self._look(told)
                except Exception as error:  # whatever the runtime comes to
                    self._fail(error, told, causes)
            if told:
                self._link.send(Steps(told, causes))

    def _obey(self, told: list[Told], causes: list[str]) -> None:
        """Carry out what was asked for meanwhile, waiting for it where nothing else is to be done."""
        wait = not self._running
        while (command := self._link.receive(wait=wait)) is not None:
            wait = False
            if isinstance(command, Begin):
                self._begin(command, told, causes)
            elif isinstance(command, Cancel) and (running := self._forget(command.handle)) is not None:
                running.cancel()

    def _begin(self, command: Begin, told: list[Told], causes: list[str]) -> None:
        start = self._start
        try:
            config = make_config(self._genai, command.sampling, start.defaults, frozenset(start.ends))
            prompt = self._tensor(np.array([command.ids], np.int64))
            if self._pipeline is None:
                self._pipeline = self._make_pipeline()
            running = self._pipeline.add_request(command.handle, prompt, config)
            self._running[command.handle] = self._fresh[command.handle] = running
            if command.sampling.scored:
                self._scored.add(command.handle)
        except Exception as error:
            causes.append(f"a text was not begun: {error}")
            told.append(Told(command.handle, failure="failed"))

    def _look(self, told: list[Told]) -> None:
        """Collect from all texts where it is time, or nothing is left to be done; else from fresh ones."""
        now_s = self._clock()
        pause_s = min(LOOK_S * len(self._running), MOST_LOOK_S)
        if now_s - self._looked_s >= pause_s or not self._pipeline.has_non_finished_requests():
            self._looked_s = now_s
            self._collect(self._running, told)
        elif self._fresh:
            self._collect(self._fresh, told)

    def _collect(self, texts: Mapping[int, Any], told: list[Told]) -> None:
        """What steps gave to these texts.

        Each look at the runtime's own objects costs, so there are as few as can be.
        """
        for handle, running in list(texts.items()):
            if running.can_read():
                found = self._read(handle, running)
                told.append(found)
                if found.finish is not None:
                    self._forget(handle)
            elif running.get_status() != self._is_running:
                self._forget(handle)
                told.append(Told(handle, failure="no_room"))

    def _read(self, handle: int, running: Any) -> Told:
        """What there is of a text that has some: of each step one part, of which the last tells an end."""
        self._fresh.pop(handle, None)
        scored = handle in self._scored
        ids: list[int] = []
        logprobs: list[float] = []
        while True:
            output = next(iter(running.read().values()))  # a request is for one text
            ids += output.generated_ids
            if scored:
                logprobs += output.generated_log_probs
            if not running.can_read():
                return Told(handle, ids, logprobs, self._finishes.get(output.finish_reason))

    def _forget(self, handle: int) -> Any:
        self._fresh.pop(handle, None)
        self._scored.discard(handle)
        return self._running.pop(handle, None)

    def _fail(self, error: Exception, told: list[Told], causes: list[str]) -> None:
        """Every text fails that was under way."""
        causes.append(f"a step failed: {error}")
        told += [Told(handle, failure="failed") for handle in self._running]
        for texts in (self._running, self._fresh, self._scored):
            texts.clear()
        self._pipeline = None


def make_stepper(link: Link, start: Start) -> Stepper:
    """What steps this model.

    Errors: whatever the runtime comes to for files that it refuses.
    """
    import openvino  # noqa: PLC0415 (the server's process reads this module, and needs neither)
    import openvino_genai as genai  # noqa: PLC0415

    options = start.options

    def make_pipeline() -> Any:
        scheduler = genai.SchedulerConfig()
        scheduler.cache_size = options.cache_gib
        scheduler.max_num_seqs = options.at_once
        scheduler.max_num_batched_tokens = options.batched_tokens
        scheduler.enable_prefix_caching = options.prefix_caching
        properties = {"INFERENCE_PRECISION_HINT": options.precision, **options.properties}
        return genai.ContinuousBatchingPipeline(start.folder, scheduler, options.device, properties)

    return Stepper(link, start, genai, openvino.Tensor, make_pipeline)


def main(descriptor: int) -> None:
    """Serve the link with this file descriptor until its other end is closed."""
    link = Link(socket.socket(fileno=descriptor))
    try:
        start = link.receive()
        if not isinstance(start, Start):
            raise TypeError(f"{type(start).__name__} came first")
        try:
            stepper = make_stepper(link, start)
        except Exception as error:
            link.send(Started(f"{type(error).__name__}: {error}"))
            return
        link.send(Started())
        stepper.run()
    except (EOFError, OSError):
        return  # the server is gone, or done with this model


if __name__ == "__main__":
    main(int(sys.argv[1]))
