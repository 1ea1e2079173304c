"""What each part of a prompt did for the text that followed: how much likelier the text is with it.

1. A part is a token; of a prompt of more than `explain.max_tokens` it is several neighbouring ones.
2. A part is masked and not cut out: the other tokens keep their places, and none attends to it.
3. `explain.concurrency` requests are explained at a time, in slices. Between two slices the deadline counts,
   and while others have texts written there is a rest of `REST` times as long as a slice took.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import isfinite
from time import monotonic
from typing import Final

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.generation import Ids, Piece, TextExplanation, refused
from dragoman.engines.base import Masking, TextModel
from dragoman.execution.admission import Slots
from dragoman.execution.deadlines import within
from dragoman.execution.text.scores import prompt_texts
from dragoman.execution.text.sequence import TextSequence
from dragoman.settings.model import ExplainSettings

SLICE: Final = 256  # tokens that are read at once, as far as rows are shorter
REST: Final = 4

Sleep = Callable[[float], Awaitable[None]]


def parts_of(size: int, most: int) -> list[range]:
    """The places of each part of a prompt of so many tokens."""
    width = max(1, -(-size // most))
    return [range(start, min(start + width, size)) for start in range(0, size, width)]


def check_prompts(prompts: Sequence[Ids], settings: ExplainSettings, model: str) -> None:
    """Nothing, if one request can explain these prompts: a row of the model for each part, and one more.

    Errors: UNIMPLEMENTED where the owner has switched it off; INVALID_ARGUMENT.
    """
    if settings.method == "off":
        message = f"model {model} has no explainer"
        raise DragomanError(Code.UNIMPLEMENTED, message, reason=Reason.NO_EXPLAINER, param="explain")
    rows = sum(len(parts_of(len(prompt), settings.max_tokens)) + 1 for prompt in prompts)
    if rows > settings.budget:
        raise refused(
            "explain",
            f"to explain these prompts takes {rows} rows of the model; at most {settings.budget} are allowed",
        )


class TextExplainer:
    """Explains the texts of one model. `is_busy` = whether texts are being written."""

    def __init__(
        self,
        model: TextModel,
        name: str,
        settings: ExplainSettings,
        is_busy: Callable[[], bool],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._model = model
        self._settings = settings
        self._slots = Slots(settings.concurrency, settings.max_queue, name)
        self._pool = ThreadPoolExecutor(settings.concurrency, thread_name_prefix=f"explains-{name}")
        self._is_busy = is_busy
        self._sleep = sleep

    async def explain(
        self, texts: Sequence[tuple[TextSequence, Piece]], shown: Sequence[str], call: CallContext
    ) -> list[TextExplanation]:
        """Each prompt's text explained. `shown` = the prompts, where the texts begin with them.

        Errors: UNIMPLEMENTED for a model that cannot be asked; RESOURCE_EXHAUSTED; DEADLINE_EXCEEDED.
        """
        await within(call, self._slots.take())
        try:
            return [
                await self._one(place, sequence, text.text[len(shown[place]) if shown else 0 :], call)
                for place, (sequence, text) in enumerate(texts)
            ]
        finally:
            self._slots.give()

    def close(self) -> None:
        """Wait for the slice that runs."""
        self._pool.shutdown(wait=True)

    async def _one(
        self, place: int, sequence: TextSequence, target: str, call: CallContext
    ) -> TextExplanation:
        prompt = sequence.prompt
        parts = parts_of(len(prompt), self._settings.max_tokens)
        found = await self._likelihoods(sequence, [range(0), *parts], call)
        tokens = prompt_texts(prompt, partial(self._model.tokenizer.decode, special=True))
        texts = ["".join(tokens[part.start : part.stop]) for part in parts]
        return TextExplanation(place, texts, [found[0] - without for without in found[1:]], target)

    async def _likelihoods(
        self, sequence: TextSequence, masked: Sequence[range], call: CallContext
    ) -> list[float]:
        """The logarithm of the text's probability, once for each range of its prompt that is masked."""
        model = self._model
        if not isinstance(model, Masking):
            raise DragomanError(Code.UNIMPLEMENTED, f"the engine {model.traits.engine} explains no texts")
        first = len(sequence.prompt)
        ids = [*sequence.prompt, *sequence.ids]
        if len(ids) == first:
            return [0.0] * len(masked)  # a text of nothing but its end
        rows = max(1, SLICE // len(ids))
        loop = asyncio.get_running_loop()
        found: list[float] = []
        for start in range(0, len(masked), rows):
            began_s = monotonic()
            part = masked[start : start + rows]
            found += await within(call, loop.run_in_executor(self._pool, model.likelihoods, ids, first, part))
            if self._is_busy() and len(found) < len(masked):
                await within(call, self._sleep(REST * (monotonic() - began_s)))
        if not all(map(isfinite, found)):
            raise DragomanError(
                Code.INTERNAL, "the model's probabilities are no numbers: nothing is explained"
            )
        return found
