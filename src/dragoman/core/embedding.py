"""Vectors of texts: what is known of a model that makes them."""

from typing import Final

from msgspec import Struct

MOST_INPUTS: Final = 2048  # of one request


class EmbedTraits(Struct, frozen=True):
    """What is known of a model that makes vectors. `context` = the tokens that one text may have.

    `dimensions` = the shorter lengths that its vectors may be cut to, since it was trained for them.
    """

    engine: str
    context: int
    dimensions: tuple[int, ...] = ()
