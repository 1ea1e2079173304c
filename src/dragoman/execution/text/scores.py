"""What is told of tokens that were not chosen, and of those of an echoed prompt: the scoring pass."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Asked, Piece, TokenScore
from dragoman.engines.base import Scored, Scoring, TextModel
from dragoman.execution.text.detokenizer import Detokenizer
from dragoman.execution.text.sequence import TextSequence

Decode = Callable[[Sequence[int]], str]


def needs_scoring(asked: Asked) -> bool:
    """Whether the engine's own steps do not tell all that is asked of tokens."""
    return asked.alternatives is not None and (asked.alternatives > 0 or asked.echo)


def scored_text(model: TextModel, sequence: TextSequence, text: Piece, asked: Asked) -> Piece:
    """The text with all that is asked of its tokens. It blocks.

    Errors: UNIMPLEMENTED for a model that cannot tell.
    """
    if not isinstance(model, Scoring):
        raise DragomanError(Code.UNIMPLEMENTED, f"the engine {model.traits.engine} scores no tokens")

    def decode(ids: Sequence[int]) -> str:
        return model.tokenizer.decode(ids, special=True)

    count = asked.alternatives or 0
    prompt = list(sequence.prompt)
    first = 1 if asked.echo else len(prompt)
    scored = model.score([*prompt, *sequence.ids], first, count)
    own = scored[len(prompt) - first :]
    tokens = [
        TokenScore(told.text, score.logprob, others(score, decode))
        for told, score in zip(text.tokens, own, strict=False)
    ]
    if asked.echo:
        shown = prompt_texts(prompt, decode)
        before = [TokenScore(shown[0], None)]
        before += [
            TokenScore(said, score.logprob, others(score, decode))
            for said, score in zip(shown[1:], scored, strict=False)
        ]
        tokens = before + tokens
    return replace(text, tokens=tokens)


def others(score: Scored, decode: Decode) -> tuple[tuple[str, float], ...]:
    """The likeliest tokens as texts, best first."""
    return tuple((decode([token]), logprob) for token, logprob in score.best)


def prompt_texts(prompt: Sequence[int], decode: Decode) -> list[str]:
    """What each token of a prompt adds to it."""
    detokenizer = Detokenizer(decode)
    texts = [detokenizer.feed(token) for token in prompt]
    texts[-1] += detokenizer.flush()
    return texts
