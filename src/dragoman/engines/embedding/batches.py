"""Which texts run together."""

from collections.abc import Iterator, Sequence
from typing import Final

from dragoman.core.generation import Ids

MOST_FILLED: Final = 48  # tokens that only fill rows, in one batch; more cost more than another run does


def batched(tokens: Sequence[Ids], budget: int) -> Iterator[list[int]]:
    """The places of texts of like length that together, each filled up to the longest, keep to the budget.

    A text that is longer than that runs alone.
    """
    places = sorted(range(len(tokens)), key=lambda place: len(tokens[place]), reverse=True)
    batch: list[int] = []
    longest = filled = 0
    for place in places:
        size = len(tokens[place])
        filled += longest - size
        if batch and (filled > MOST_FILLED or longest * (len(batch) + 1) > budget):
            yield batch
            batch = []
        if not batch:
            longest, filled = size, 0
        batch.append(place)
    if batch:
        yield batch
