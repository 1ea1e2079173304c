"""Shapes that are known in part: None = any rank, a None in it = any size."""

from dragoman.core.tensors import Shape

OpenShape = Shape | None


def agree(one: OpenShape, other: OpenShape) -> bool:
    """Whether a tensor can have both."""
    if one is None or other is None:
        return True
    return len(one) == len(other) and all(
        a is None or b is None or a == b for a, b in zip(one, other, strict=True)
    )


def intersection(one: OpenShape, other: OpenShape) -> OpenShape:
    """What is known of a tensor that has both; they have to agree."""
    if one is None or other is None:
        return other if one is None else one
    return tuple(b if a is None else a for a, b in zip(one, other, strict=True))


def cut(shape: OpenShape) -> OpenShape:
    """The shape of a branch: without the first axis, which has to be there."""
    return None if shape is None else shape[1:]


def stacked(shape: OpenShape, count: int | None) -> OpenShape:
    """The shape of so many branches put together."""
    return None if shape is None else (count, *shape)
