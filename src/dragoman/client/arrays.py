"""Values that a caller gives, as tensors.

An array has a type, and is sent as it is, bit for bit. A plain Python value has none: it becomes what the
model takes, where that can hold it, and is refused where it cannot.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from dragoman.client.errors import InvalidInput
from dragoman.client.results import TensorMetadata
from dragoman.core.tensors import BY_NUMPY, Array, DType, Tensor
from dragoman.wire.datatypes import DATATYPES
from dragoman.wire.elements import flatten, read_elements

SCALARS: Final = frozenset({bool, int, float, str, bytes})
UNTYPED: Final = (list, tuple, *SCALARS)
TEXT_KINDS: Final = "SUTO"  # NumPy's letters: bytes, str, StringDType, objects
SHOWN_CHARS: Final = 80


def is_typed(value: object) -> bool:
    """Whether the value says by itself what type its elements have."""
    return not isinstance(value, UNTYPED) or isinstance(value, np.generic)  # a np.float64 is a float, too


def typed_tensor(name: str, value: object) -> Tensor:
    """The tensor of an array, of a NumPy scalar, or of whatever makes itself an array.

    Errors: InvalidInput for a type that no tensor has.
    """
    try:
        array = np.asarray(value)
    except Exception as error:  # it is the value's own code that fails
        raise InvalidInput(f"input {name!r}: {shown(value)} cannot be made an array: {error}") from error
    if array.dtype.kind in TEXT_KINDS:
        return Tensor(DType.BYTES, text_array(name, array.reshape(-1).tolist(), array.shape))
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    dtype = BY_NUMPY.get(array.dtype)
    if dtype is None:
        raise InvalidInput(f"input {name!r}: no tensor holds elements of {array.dtype}")
    return Tensor(dtype, array)


def plain_tensor(value: object, spec: TensorMetadata) -> Tensor:
    """The tensor of a plain value, of the type that the model takes there.

    Shapes: as the value is nested.
    Errors: InvalidInput for uneven lists, and for an element that the type does not hold.
    """
    value = as_lists(value)
    nest = flatten(value, set(map(type, value))) if isinstance(value, list) else ([], [value], {type(value)})
    if nest is None:
        raise InvalidInput(f"input {spec.name!r}: its lists are uneven or too deep")
    shape, flat, kinds = nest
    if spec.dtype is DType.BYTES:
        return Tensor(DType.BYTES, text_array(spec.name, flat, shape))
    elements = read_elements(flat, kinds, spec.dtype)
    if elements is None:
        misfit = next((e for e in flat if read_elements([e], {type(e)}, spec.dtype) is None), value)
        raise InvalidInput(f"input {spec.name!r}: {shown(misfit)} is no {DATATYPES[spec.dtype]}")
    return Tensor(spec.dtype, elements.reshape(shape))


def as_lists(value: Any) -> Any:
    """The value with lists for the tuples and arrays within it, and Python's numbers for NumPy's."""
    if isinstance(value, list | tuple):
        if SCALARS.issuperset(map(type, value)):
            return list(value)
        return [as_lists(element) for element in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def text_array(name: str, elements: Sequence[object], shape: Sequence[int]) -> Array:
    """Texts and bytes as an array of `bytes` objects; text becomes UTF-8.

    Errors: InvalidInput for other objects, and for a text that is none.
    """
    out = np.empty(len(elements), np.object_)
    for index, element in enumerate(elements):
        if isinstance(element, bytes):
            out[index] = element
        elif isinstance(element, str):
            try:
                out[index] = element.encode()
            except UnicodeEncodeError as error:
                raise InvalidInput(f"input {name!r}: {shown(element)} is no text: {error.reason}") from None
        else:
            raise InvalidInput(f"input {name!r}: {shown(element)} is neither bytes nor text")
    return out.reshape(shape)


def shown(value: object) -> str:
    """The value for messages, cut short."""
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}..."
