"""What transformers give, as the dense arrays that tensors are."""

import math
from typing import Any, Final

from dragoman.core.errors import invalid

MOST_BYTES: Final = 256 * 1024 * 1024  # of one answer that was sparse: a hash of words has a million columns


def dense(values: Any) -> Any:
    """A dense array of what SciPy keeps sparse; others as they are.

    Errors: INVALID_ARGUMENT for rows that would take too much memory.
    """
    if not hasattr(values, "toarray"):
        return values
    needed = math.prod(values.shape) * values.dtype.itemsize
    if needed > MOST_BYTES:
        rows, columns = values.shape
        fitting = MOST_BYTES * rows // needed
        raise invalid(
            f"{rows} rows of {columns} columns each are {needed} bytes, and an answer has {MOST_BYTES} "
            f"at most: send {fitting} rows or fewer"
        )
    return values.toarray()
