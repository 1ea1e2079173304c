"""Models that say nothing of their tensors."""

from typing import Final

from dragoman.core.requests import Kind
from dragoman.core.signatures import Signature

ANY: Final = Signature("any", {}, {}, accepts=frozenset(Kind) - {Kind.EXAMPLES}, untyped=True)
TENSORS_ALONE: Final = Signature("any", {}, {}, untyped=True)  # which reads no JSON itself
