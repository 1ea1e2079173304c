"""One text as it is written: its tokens become pieces."""

from collections import deque
from collections.abc import Sequence

from dragoman.core.generation import Asked, Finish, Piece, TokenScore
from dragoman.engines.base import Emission
from dragoman.execution.text.detokenizer import Detokenizing
from dragoman.execution.text.stops import StopMatcher


class TextSequence:
    """One of the texts that a request asks for.

    `written` = the tokens that the model chose for it, the one that ends it included, those after a stop text
    not. `done` = nothing follows. `ids` = the tokens of the text, where something of them is told.
    """

    __slots__ = (
        "_ahead", "_detokenizer", "_ends", "_is_plain", "_keeps", "_matcher", "_scored", "_scores",
        "choice", "done", "ids", "prompt", "written",
    )  # fmt: skip

    def __init__(
        self,
        choice: int,
        prompt: Sequence[int],
        asked: Asked,
        detokenizer: Detokenizing,
        ends: frozenset[int],
    ) -> None:
        self.choice = choice
        self.prompt = prompt
        self.done = False
        self.written = 0
        self.ids: list[int] = []
        self._detokenizer = detokenizer
        self._matcher = StopMatcher(asked.stop, keeps=asked.keeps_stop)
        self._ends = ends | frozenset(asked.sampling.stop_ids)
        self._scored = asked.alternatives is not None
        self._keeps = self._scored or asked.explained
        self._is_plain = not asked.stop and not self._keeps
        self._scores: deque[TokenScore] = deque()  # of tokens whose text is not out yet
        self._ahead = 0  # characters of the first of them that are

    def take(self, emission: Emission) -> Piece | None:
        """What a step of the engine adds; None = nothing to show yet."""
        finish = emission.finish
        if self._is_plain and finish is None:
            self.written += len(emission.ids)
            text = "".join([self._detokenizer.feed(token) for token in emission.ids])
            return Piece(self.choice, text) if text else None
        shown: list[str] = []
        last = len(emission.ids) - 1
        for place, token in enumerate(emission.ids):
            self.written += 1
            if place == last and finish is Finish.STOP and token in self._ends:
                break
            text = self._detokenizer.feed(token)
            if self._keeps:
                self.ids.append(token)
            if self._scored:
                self._scores.append(TokenScore(text, emission.logprobs[place]))
            cut = self._matcher.feed(text)
            shown.append(cut.text)
            if cut.ended:
                return self._piece("".join(shown), Finish.STOP)
        if finish is None:
            text = "".join(shown)
            return self._piece(text, None) if text else None
        cut = self._matcher.feed(self._rest())
        shown.append(cut.text)
        if cut.ended:
            finish = Finish.STOP
        else:
            shown.append(self._matcher.flush())
        return self._piece("".join(shown), finish)

    def _rest(self) -> str:
        """Half a character at the end, which belongs to the last token."""
        rest = self._detokenizer.flush()
        if rest and self._scores:
            score = self._scores.pop()
            self._scores.append(TokenScore(score.text + rest, score.logprob))
        return rest

    def _piece(self, text: str, finish: Finish | None) -> Piece:
        self.done = finish is not None
        return Piece(self.choice, text, self._told(len(text)), finish)

    def _told(self, size: int) -> Sequence[TokenScore]:
        """The tokens whose text is out with so many more characters; at the end one may be cut to them."""
        scores = self._scores
        told: list[TokenScore] = []
        size += self._ahead
        while size and scores and len(scores[0].text) <= size:
            told.append(scores.popleft())
            size -= len(told[-1].text)
        self._ahead = size
        if self.done and size and scores:
            told.append(TokenScore(scores[0].text[:size], scores[0].logprob))
        return told
