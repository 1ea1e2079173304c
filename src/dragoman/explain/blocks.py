"""Blocks of values that are left out together: squares of an image, stretches of a vector."""

from collections.abc import Sequence
from math import prod
from typing import Final

import numpy as np

from dragoman.core.tensors import Array

SIDE: Final = 14  # blocks along each side of an image at most
MOST: Final = SIDE * SIDE
CHANNELS: Final = (1, 3, 4)


def singles(width: int) -> Array:
    """Each value as a block of its own."""
    return np.arange(width)


def blocks(shapes: Sequence[tuple[int, ...]], layouts: Sequence[str | None], side: int) -> Array:
    """The block of each value, numbered from 0; `side` * `side` of them at most, and one for each input.

    Shapes: (width,).
    """
    whole = sum(map(prod, shapes)) or 1
    numbered: list[Array] = []
    begin = 0
    for shape, layout in zip(shapes, layouts, strict=True):
        share = max(1, side * side * prod(shape) // whole)
        here = of_input(shape, layout, share)
        numbered.append(here + begin)
        begin += int(here.max(initial=-1)) + 1
    return np.concatenate(numbered) if numbered else np.empty(0, np.intp)


def of_input(shape: tuple[int, ...], layout: str | None, most: int) -> Array:
    """The blocks of one input's value."""
    axes = picture_axes(shape, layout)
    if axes is None:
        size = prod(shape)
        return stretches(size, min(size, most))
    side = max(1, int(most**0.5))
    height, width = shape[axes[0]], shape[axes[1]]
    down, across = min(side, height), min(side, width)
    grid = stretches(height, down)[:, None] * across + stretches(width, across)[None, :]
    spread = [size if axis in axes else 1 for axis, size in enumerate(shape)]
    return np.broadcast_to(grid.reshape(spread), shape).reshape(-1).copy()


def stretches(size: int, count: int) -> Array:
    """So many stretches of about equal length. Shapes: (size,)."""
    return np.arange(size) * count // max(size, 1)


def picture_axes(shape: tuple[int, ...], layout: str | None) -> tuple[int, int] | None:
    """The axes of height and width in one row's value, where that looks like an image.

    An axis of 1, 3 or 4 at the end or the beginning is that of the colours, unless the layout says otherwise.
    """
    if layout is not None and len(layout) == len(shape) + 1 and {"H", "W"} <= set(layout):
        return layout.index("H") - 1, layout.index("W") - 1
    if len(shape) == 2 and min(shape) > 1:
        return 0, 1
    if len(shape) != 3:
        return None
    return (0, 1) if shape[2] in CHANNELS or shape[0] not in CHANNELS else (1, 2)
