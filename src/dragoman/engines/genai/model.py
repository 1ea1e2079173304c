"""A pipeline that writes many texts at once, stepped by a thread of its own.

A pipeline that fails within a step cannot go on. Its texts fail, and the next one gets a new pipeline.
"""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import structlog

from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Finish, Ids, Sampling
from dragoman.engines.base import Emission, Scored
from dragoman.engines.genai.sampling import make_config
from dragoman.engines.genai.schema import check_schema
from dragoman.engines.genai.scoring import Scorer
from dragoman.engines.text_model import Begin, SteppedModel, TextParts


class GenAiModel(SteppedModel):
    """A model of texts. `make_pipeline` is called again where the first has failed."""

    def __init__(
        self,
        genai: ModuleType,
        tensor: Callable[[Any], Any],
        make_pipeline: Callable[[], Any],
        parts: TextParts,
        scorer: Scorer | None = None,
    ) -> None:
        super().__init__(parts)
        self._genai = genai
        self._tensor = tensor
        self._make_pipeline = make_pipeline
        self._scorer = scorer
        self._pipeline: Any = make_pipeline()
        self._finishes = {
            genai.GenerationFinishReason.STOP: Finish.STOP,
            genai.GenerationFinishReason.LENGTH: Finish.LENGTH,
        }

    def check(self, sampling: Sampling) -> None:
        """Refuse a JSON schema that the engine does not take.

        Errors: INVALID_ARGUMENT.
        """
        if sampling.json_schema is not None:
            check_schema(sampling.json_schema)

    def score(self, ids: Ids, first: int, count: int) -> Sequence[Scored]:
        """The tokens from `first` on, each with so many of the likeliest at its place.

        Errors: UNIMPLEMENTED where the owner has switched it off.
        """
        return self._scoring().score(ids, first, count)

    def likelihoods(self, ids: Ids, first: int, masked: Sequence[range]) -> Sequence[float]:
        """The logarithm of probability of all tokens from `first` on, once for each range of masked ones.

        Errors: UNIMPLEMENTED where the owner has switched it off.
        """
        return self._scoring().likelihoods(ids, first, masked)

    def begin(self, asked: Begin) -> Any:
        """The runtime's own handle."""
        config = make_config(self._genai, asked.sampling, self.defaults, self.ends)
        prompt = self._tensor(np.array([asked.ids], np.int64))
        if self._pipeline is None:
            self._pipeline = self._make_pipeline()
        return self._pipeline.add_request(asked.handle, prompt, config)

    def drop(self, running: Any) -> None:
        """A text is not written on."""
        running.cancel()

    def step(self) -> list[Emission]:
        """The next token of every text."""
        emissions: list[Emission] = []
        try:
            self._pipeline.step()
            self._collect(emissions)
        except Exception as error:  # whatever the runtime comes to
            self.log("a step failed", error)
            emissions += self.failed(self.running)
            self.running.clear()
            self._pipeline = None
        return emissions

    def let_go(self) -> None:
        """Give the pipeline back, and what scores."""
        self._pipeline = None
        if self._scorer is not None:
            self._scorer.close()

    def log(self, what: str, error: Exception) -> None:
        """Tell the log what the runtime came to."""
        structlog.get_logger("dragoman.engines.genai").error(what, model=self.name, cause=str(error))

    def _scoring(self) -> Scorer:
        if self._scorer is None:
            raise DragomanError(Code.UNIMPLEMENTED, "text.scoring is off")
        return self._scorer

    def _collect(self, emissions: list[Emission]) -> None:
        """What the step gave. Each look at the runtime's own objects costs, so there are as few as can be."""
        goes_on = self._genai.GenerationFinishReason.NONE
        status = self._genai.GenerationStatus
        for handle, running in list(self.running.items()):
            if not running.can_read():
                if running.get_status() != status.RUNNING:
                    del self.running[handle]
                    emissions.append(Emission(handle, error=no_room(self.name)))
                continue
            output = next(iter(running.read().values()))  # a request is for one text
            reason = output.finish_reason
            if reason == goes_on:
                emissions.append(Emission(handle, output.generated_ids, output.generated_log_probs))
                continue
            del self.running[handle]
            finish = self._finishes[reason]
            emissions.append(Emission(handle, output.generated_ids, output.generated_log_probs, finish))


def no_room(model: str) -> DragomanError:
    """The error for a text that the engine dropped."""
    return DragomanError(
        Code.RESOURCE_EXHAUSTED,
        f"model {model} has no memory left for this text; options.cache_gib bounds it",
        retry_after_s=1.0,
    )
