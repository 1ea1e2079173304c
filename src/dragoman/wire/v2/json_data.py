"""The `data` of a tensor in a JSON request: flat, nested or both, in row-major order.

Only the number of elements has to agree with the shape. Lists are taken level by level with functions that
loop in C, as in `wire/elements`; what is refused is looked at again for words.
"""

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, Final

import numpy as np

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.tensors import INTEGERS, Array, DType
from dragoman.wire.datatypes import DATATYPES
from dragoman.wire.elements import Elements, Kinds, read_elements
from dragoman.wire.faults import first_refused
from dragoman.wire.json_exact import JsonValue
from dragoman.wire.json_tree import excerpt

MAX_NESTING: Final = 100
NUMBERS: Final[frozenset[type]] = frozenset({int, float})
TRUTHS: Final[frozenset[type]] = frozenset({bool, int})
TEXTS: Final[frozenset[type]] = frozenset({str})
BYTES: Final = DType.BYTES
# What the parser makes of -9223372036854775809, whose nearest double it is; the least itself comes as int.
BELOW_INT64: Final = -(2.0**63)


def read_data(name: str, data: JsonValue, dtype: DType, shape: tuple[int, ...], count: int) -> Array:
    """The array of input `name`, whose shape has `count` elements.

    Errors: INVALID_ARGUMENT naming the input for no list, too many or too few elements, and elements that the
    type does not hold.
    """
    if type(data) is not list:
        raise invalid(f"input '{name}': 'data' must be a list, not {excerpt(data)}")
    kinds = set(map(type, data))
    if list in kinds:
        data = flatten(name, data, kinds)
        kinds = set(map(type, data))
    if len(data) != count:
        raise invalid(
            f"input '{name}': 'data' has {len(data)} elements, and its shape {list(shape)} takes {count}"
        )
    array = None if dtype is BYTES else read_elements(data, kinds, dtype)  # all that most requests take
    if array is None:
        array = read_leaves(data, kinds, dtype)
    if array is None:
        raise leaf_fault(name, data, dtype)
    return array if len(shape) == 1 else array.reshape(shape)


def read_leaves(flat: Elements, kinds: Kinds, dtype: DType) -> Array | None:
    """Elements as an array of one dimension, or None where the type does not hold one of them.

    Kinder than `read_elements`: whole numbers may have a fraction of zero, booleans be 0 and 1.
    """
    if dtype is BYTES:
        return read_texts(flat) if kinds <= TEXTS else None
    array = read_elements(flat, kinds, dtype)
    if array is None and dtype in KINDER:
        return KINDER[dtype](flat, kinds, dtype)
    return array


def read_texts(flat: Elements) -> Array:
    """Texts as byte strings, in UTF-8."""
    array = np.empty(len(flat), np.object_)
    array[:] = [text.encode() for text in flat]
    return array


def read_whole(flat: Elements, kinds: Kinds, dtype: DType) -> Array | None:
    """Numbers of an integer type, some of which are written as 1.0."""
    if float not in kinds or not kinds <= NUMBERS:
        return None
    if not all(value.is_integer() and value != BELOW_INT64 for value in flat if type(value) is float):
        return None
    return read_elements(list(map(int, flat)), {int}, dtype)


def read_truths(flat: Elements, kinds: Kinds, dtype: DType) -> Array | None:
    """Booleans, some of which are written as 0 and 1."""
    if int not in kinds or not kinds <= TRUTHS or not set(flat) <= {0, 1}:
        return None
    return read_elements(list(map(bool, flat)), {bool}, dtype)


KINDER: Final[Mapping[DType, Callable[[Elements, Kinds, DType], Array | None]]] = {
    DType.BOOL: read_truths,
    **dict.fromkeys(INTEGERS, read_whole),
}


def flatten(name: str, data: Elements, kinds: Kinds) -> Elements:
    """The elements of a list that holds lists, in order; every level costs what it holds, once.

    Errors: INVALID_ARGUMENT for lists in lists beyond the limit.
    """
    levels = 1
    flat = data
    while list in kinds:
        if len(kinds) != 1:
            return flatten_mixed(name, flat, levels)
        levels += 1
        if levels > MAX_NESTING:
            raise too_deep(name)
        flat = list(chain.from_iterable(flat))
        kinds = set(map(type, flat))
    return flat


def flatten_mixed(name: str, data: Elements, levels: int) -> Elements:
    """The same where elements stand beside lists."""
    flat: list[Any] = []
    pending = [iter(data)]
    while pending:
        for item in pending[-1]:
            if type(item) is list:
                pending.append(iter(item))
                break
            flat.append(item)
        else:
            pending.pop()
        if levels + len(pending) - 1 > MAX_NESTING:
            raise too_deep(name)
    return flat


def too_deep(name: str) -> DragomanError:
    """The error for lists in lists in lists."""
    return invalid(f"input '{name}': 'data' is nested more than {MAX_NESTING} levels deep")


def leaf_fault(name: str, data: Elements, dtype: DType) -> DragomanError:
    """What is wrong with the first element that the type does not hold."""
    index = first_refused(data, lambda part: read_leaves(part, set(map(type, part)), dtype) is not None)
    return invalid(
        f"input '{name}': element {index} of 'data' is {excerpt(data[index])}, "
        f"which is not of type {DATATYPES[dtype]}"
    )
