"""What a model answers."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from dragoman.core.generation import Ids, Piece, TextExplanation, Usage
from dragoman.core.statistics import Run
from dragoman.core.tensors import Array, Tensor


class TensorResponse(Struct):
    """Named tensors, keyed as the signature's outputs are. `version` is the one that answered.

    `run` = what running it took, once the runner has measured that.
    """

    outputs: Mapping[str, Tensor]
    version: int | None = None
    run: Run | None = None


class PayloadResponse(Struct):
    """A body that the model's code made, and what else that code said of the answer.

    `status` and `reason` are in HTTP's terms, which such code speaks; `media_type` None = it said none.
    """

    body: bytes
    media_type: str | None = None
    status: int = 200
    reason: str = ""
    headers: Sequence[tuple[str, str]] = ()
    version: int | None = None
    run: Run | None = None


class TreeResponse(Struct):
    """JSON values, one for each row of a `TreeRequest`."""

    rows: Sequence[object]
    version: int | None = None
    run: Run | None = None


class TextResponse(Struct):
    """Texts, each whole in one piece, in the order of their prompts; several of one prompt lie together.

    `explanations` = one for each prompt, where they were asked for.
    """

    texts: Sequence[Piece]
    usage: Usage
    version: int | None = None
    run: Run | None = None
    explanations: Sequence[TextExplanation] = ()


class EmbedResponse(Struct):
    """Vectors, one for each text, as rows of a float32 array."""

    vectors: Array
    usage: Usage
    version: int | None = None
    run: Run | None = None


class RankResponse(Struct):
    """How well each document fits the query: a float32 for each, the greater the better."""

    scores: Array
    usage: Usage
    version: int | None = None
    run: Run | None = None


class TokensResponse(Struct):
    """The tokens of texts."""

    tokens: Sequence[Ids]
    version: int | None = None
    run: Run | None = None


class ExplainResponse(Struct):
    """What each value of the inputs adds to the explained output, by the inputs' names.

    Each has the shape of its input as it was sent. `predictions` = the model's answer, where it was wanted.
    `method` and `baseline` say in words how and against what it was explained. `value` instead = what the
    model's own explainer said, row by row, in whatever form.
    """

    attributions: Mapping[str, Tensor]
    method: str
    baseline: str
    predictions: Mapping[str, Tensor] | None = None
    value: Sequence[object] | None = None
    version: int | None = None
    run: Run | None = None


class Chunk(Struct):
    """One part of a streamed answer: named tensors as the model gave them, what it took, and who answered.

    `payload` instead of tensors where the request was one. `last` = the model says that nothing follows;
    where that is a payload and the first part, too, the answer is as whole as one that was never streamed.
    `pieces` of texts instead, where those were asked for; `usage` comes with the last of them. A part with
    nothing in it shows that the model is still at it.
    """

    outputs: Mapping[str, Tensor] = {}
    run: Run | None = None
    version: int | None = None
    payload: PayloadResponse | None = None
    last: bool = False
    pieces: Sequence[Piece] = ()
    usage: Usage | None = None


CoreResponse = (
    TensorResponse
    | PayloadResponse
    | TreeResponse
    | TextResponse
    | EmbedResponse
    | TokensResponse
    | RankResponse
    | ExplainResponse
)


def with_tensors(response: CoreResponse) -> TensorResponse:
    """The response to a request for tensors, which is one of tensors."""
    if not isinstance(response, TensorResponse):
        raise TypeError(f"tensors were asked for, and {type(response).__name__} came")
    return response
