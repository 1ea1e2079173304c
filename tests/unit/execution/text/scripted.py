"""A model that writes what a test says, when the test says so. Its tokens are bytes; 256 ends a text."""

from collections.abc import Callable, Sequence
from typing import Final

from dragoman.core.generation import Abilities, Finish, Ids, Sampling, TextTraits
from dragoman.core.text_signature import text_signature
from dragoman.engines.base import ChatTemplate, Emission, Scored

END: Final = 256
TEMPLATE: Final = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"


class Bytes:
    """One token for each byte, and one that ends a text."""

    size = END + 1

    def encode(self, text: str, *, special: bool) -> list[int]:
        return list(text.encode())

    def table(self, *, special: bool) -> Sequence[bytes] | None:
        return None

    def decode(self, ids: Ids, *, special: bool) -> str:
        return bytes(token for token in ids if token < END).decode("utf-8", "replace")


class ScriptedModel:
    """Remembers what was asked of it; `say` is a step of its engine."""

    def __init__(self, *, context: int = 64, at_once: int = 4, template: str | None = TEMPLATE) -> None:
        self.traits = TextTraits("scripted", context, Abilities())
        self.signatures = {"serving_default": text_signature(self.traits)}
        self.tokenizer = Bytes()
        self.template = None if template is None else ChatTemplate(template)
        self.ends = frozenset({END})
        self.at_once = at_once
        self.begun: dict[int, tuple[Ids, Sampling]] = {}
        self.cancelled: list[int] = []
        self.closed = 0
        self._deliver: Callable[[Sequence[Emission]], None] = lambda _: None

    def start(self, deliver: Callable[[Sequence[Emission]], None]) -> None:
        self._deliver = deliver

    def submit(self, ids: Ids, sampling: Sampling) -> int:
        handle = len(self.begun)
        self.begun[handle] = (ids, sampling)
        return handle

    def cancel(self, handle: int) -> None:
        self.cancelled.append(handle)

    def close(self) -> None:
        self.closed += 1

    def step(self, *emissions: Emission) -> None:
        self._deliver(emissions)

    def say(self, handle: int, text: str | bytes, finish: Finish | None = None) -> None:
        ids = list(text.encode() if isinstance(text, str) else text)
        self.step(emission(handle, ids, finish))

    @property
    def running(self) -> list[int]:
        return [handle for handle in self.begun if handle not in self.cancelled]


class ScoringModel(ScriptedModel):
    """One that can tell of tokens which it did not choose: of each the next byte."""

    def score(self, ids: Ids, first: int, count: int) -> Sequence[Scored]:
        return [
            Scored(-float(place), ((ids[place], -float(place)), (ids[place] + 1, -99.0))[:count])
            for place in range(first, len(ids))
        ]


def emission(handle: int, ids: Sequence[int], finish: Finish | None = None) -> Emission:
    """A step's gift; a text that stops ends with the token for that."""
    ids = [*ids, END] if finish is Finish.STOP else list(ids)
    return Emission(handle, ids, [-0.5] * len(ids), finish)
