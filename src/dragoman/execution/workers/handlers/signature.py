"""What callers see of a handler: it reads bodies itself, and says nothing of tensors."""

from typing import Final

from dragoman.core.requests import Kind
from dragoman.core.signatures import DEFAULT_SIGNATURE, Answers, Signature

SIGNATURES: Final = {
    DEFAULT_SIGNATURE: Signature(
        DEFAULT_SIGNATURE,
        {},
        {},
        accepts=frozenset({Kind.PAYLOAD, Kind.TREE, Kind.TENSORS}),
        answers=Answers.EITHER,
        untyped=True,
    )
}
