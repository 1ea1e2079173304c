"""What is told of tokens that were not chosen, and of those of an echoed prompt: the scoring pass."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial

from msgspec.structs import replace

from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Asked, Ids, Piece, TokenScore
from dragoman.engines.base import Scored, Scoring, TextModel
from dragoman.execution.text.detokenizer import Detokenizer
from dragoman.execution.text.prompts import Prepared
from dragoman.execution.text.sequence import TextSequence

Decode = Callable[[Sequence[int]], str]


def needs_scoring(asked: Asked) -> bool:
    """Whether the engine's own steps do not tell all that is asked of tokens."""
    return asked.alternatives is not None and (asked.alternatives > 0 or asked.echo)


def scored_text(model: TextModel, sequence: TextSequence, text: Piece, asked: Asked) -> Piece:
    """The text with all that is asked of its tokens. It blocks.

    Errors: UNIMPLEMENTED for a model that cannot tell.
    """
    count = asked.alternatives or 0
    prompt = list(sequence.prompt)
    first = 1 if asked.echo else len(prompt)
    scored = scoring(model).score([*prompt, *sequence.ids], first, count)
    tokens = with_others(model, text.tokens, scored[len(prompt) - first :])
    if asked.echo:
        tokens = prompt_tokens(model, prompt, scored) + tokens
    return replace(text, tokens=tokens)


class PieceScorer:
    """Completes the pieces of one stream where more is asked of their tokens than the engine's steps tell.

    What comes while pieces are scored comes in one piece after them.
    """

    def __init__(
        self, model: TextModel, sequences: Sequence[TextSequence], prepared: Prepared, pool: Executor
    ) -> None:
        self._model = model
        self._sequences = sequences
        self._prepared = prepared
        self._pool = pool
        self._needed = needs_scoring(prepared.asked)
        self._told = [0] * len(sequences)  # tokens of each text

    async def echoed(self, pieces: Sequence[Piece]) -> Sequence[Piece]:
        """The prompts that are shown."""
        asked, prompts = self._prepared.asked, self._prepared.prompts
        if not self._needed:
            return pieces
        return [
            await self._do(scored_echo, prompts[piece.choice // asked.texts], piece, asked)
            for piece in pieces
        ]

    async def scored(self, pieces: Sequence[Piece]) -> Sequence[Piece]:
        """The parts of the texts."""
        if not self._needed:
            return pieces
        found = []
        for piece in pieces:
            told, sequence = self._told[piece.choice], self._sequences[piece.choice]
            self._told[piece.choice] += len(piece.tokens)
            found.append(await self._do(scored_piece, sequence, piece, told, self._prepared.asked))
        return found

    async def _do(self, score: Callable[..., Piece], *given: object) -> Piece:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, partial(score, self._model, *given))


def scored_piece(model: TextModel, sequence: TextSequence, piece: Piece, told: int, asked: Asked) -> Piece:
    """A part of a text with all that is asked of its tokens, of which so many were told before. It blocks.

    Errors: UNIMPLEMENTED for a model that cannot tell.
    """
    if not piece.tokens:
        return piece
    prompt = list(sequence.prompt)
    end = told + len(piece.tokens)
    scored = scoring(model).score([*prompt, *sequence.ids[:end]], len(prompt) + told, asked.alternatives or 0)
    return replace(piece, tokens=with_others(model, piece.tokens, scored))


def scored_echo(model: TextModel, prompt: Ids, piece: Piece, asked: Asked) -> Piece:
    """A prompt that is shown, with all that is asked of its tokens. It blocks.

    Errors: UNIMPLEMENTED for a model that cannot tell.
    """
    scored = scoring(model).score(prompt, 1, asked.alternatives or 0) if len(prompt) > 1 else ()
    return replace(piece, tokens=prompt_tokens(model, prompt, scored))


def scoring(model: TextModel) -> Scoring:
    """The model, if it can tell."""
    if not isinstance(model, Scoring):
        raise DragomanError(Code.UNIMPLEMENTED, f"the engine {model.traits.engine} scores no tokens")
    return model


def with_others(model: TextModel, tokens: Sequence[TokenScore], scored: Sequence[Scored]) -> list[TokenScore]:
    """The tokens with what the scoring pass says of each."""
    decode = partial(model.tokenizer.decode, special=True)
    return [
        TokenScore(told.text, score.logprob, others(score, decode))
        for told, score in zip(tokens, scored, strict=False)
    ]


def prompt_tokens(model: TextModel, prompt: Ids, scored: Sequence[Scored]) -> list[TokenScore]:
    """The tokens of a prompt, of whose first nothing is known."""
    shown = prompt_texts(prompt, partial(model.tokenizer.decode, special=True))
    told = [TokenScore(text, None) for text in shown]
    return [told[0], *with_others(model, told[1:], scored)]


def others(score: Scored, decode: Decode) -> tuple[tuple[str, float], ...]:
    """The likeliest tokens as texts, best first."""
    return tuple((decode([token]), logprob) for token, logprob in score.best)


def prompt_texts(prompt: Sequence[int], decode: Decode) -> list[str]:
    """What each token of a prompt adds to it."""
    detokenizer = Detokenizer(decode)
    texts = [detokenizer.feed(token) for token in prompt]
    texts[-1] += detokenizer.flush()
    return texts
