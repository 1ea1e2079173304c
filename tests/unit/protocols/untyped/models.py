"""A model that says nothing of its tensors."""

from typing import Final

from dragoman.core.requests import Kind
from dragoman.core.signatures import Signature

ANY: Final = Signature("any", {}, {}, accepts=frozenset(Kind) - {Kind.EXAMPLES}, untyped=True)
