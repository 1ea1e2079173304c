"""Layouts: a letter for each axis of a tensor, such as NHWC; `...` stands for any number of axes."""

from typing import Final

REST: Final = "..."
BATCH: Final = "N"


def batch_axis(layout: str | None, rank: int) -> int | None:
    """Which axis is the batch: the first where nothing is said; None = there is none."""
    if layout is None:
        return 0 if rank else None
    before, _, after = layout.partition(REST)
    if BATCH in before:
        return before.index(BATCH)
    return rank - len(after) + after.index(BATCH) if BATCH in after else None
