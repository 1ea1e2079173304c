"""Which texts run together."""

from collections.abc import Iterator, Sequence

from dragoman.core.generation import Ids


def batched(tokens: Sequence[Ids], budget: int) -> Iterator[list[int]]:
    """The places of texts of like length that together, each filled up to the longest, keep to the budget.

    A text that is longer than that runs alone.
    """
    places = sorted(range(len(tokens)), key=lambda place: len(tokens[place]), reverse=True)
    start = 0
    while start < len(places):
        longest = len(tokens[places[start]])
        count = max(1, budget // longest)
        yield places[start : start + count]
        start += count
