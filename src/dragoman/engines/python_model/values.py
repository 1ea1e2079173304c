"""What the code gives, checked against what it declares."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct

from dragoman.core.errors import Code, DragomanError
from dragoman.core.signatures import TensorSpec
from dragoman.core.tensors import Array, DType, Tensor, fits, show_shape

Specs = Mapping[str, TensorSpec]


class Origin(Struct, frozen=True):
    """Where outputs come from, for messages."""

    file: str = "model.py"
    function: str = "predict"

    def broken(self, message: str) -> DragomanError:
        """The error for code that does not keep to what it declares."""
        return DragomanError(Code.INTERNAL, f"{self.file}: {message}")


MODEL: Final = Origin()


def to_tensors(
    given: Any, declared: Specs, wanted: Sequence[str] | None, origin: Origin = MODEL
) -> dict[str, Tensor]:
    """The wanted outputs as tensors of the declared types; None = all that are declared.

    Errors: INTERNAL naming the output that is missing, unknown, or of a type or shape that does not fit.
    """
    if not isinstance(given, Mapping):
        what = f"gave {type(given).__name__}, and has to give a dict of arrays by output name"
        raise origin.broken(f"{origin.function} {what}")
    for name in given:
        if name not in declared:
            raise origin.broken(f"{origin.function} gave {name!r}, which outputs does not declare")
    for name in declared:
        if name not in given:
            raise origin.broken(f'{origin.function} gave no output "{name}"')
    names = declared if wanted is None else wanted
    return {name: to_tensor(given[name], declared[name], origin) for name in names}


def to_part(
    given: Any, declared: Specs, wanted: Sequence[str] | None, origin: Origin = MODEL
) -> dict[str, Tensor]:
    """The same for one part of a stream, which need not hold every output."""
    present = {name: spec for name, spec in declared.items() if isinstance(given, Mapping) and name in given}
    names = present if wanted is None else [name for name in wanted if name in present]
    return to_tensors(given, present, list(names), origin)


def to_tensor(value: Any, spec: TensorSpec, origin: Origin = MODEL) -> Tensor:
    """One output.

    An array has to be of the declared type, or of one whose every value the declared type holds. Of lists and
    numbers, which have no type that somebody chose, only the values have to fit.
    """
    try:
        array = to_text(value) if spec.dtype is DType.BYTES else to_numbers(value, spec, origin)
    except (ValueError, TypeError, OverflowError) as error:
        raise origin.broken(f'output "{spec.name}" is no {spec.dtype.value} array: {error}') from error
    if not fits(array.shape, spec.shape):
        raise origin.broken(
            f'output "{spec.name}": shape {show_shape(array.shape)} does not fit {show_shape(spec.shape)}'
        )
    return Tensor(spec.dtype, array)


def to_numbers(value: Any, spec: TensorSpec, origin: Origin) -> Array:
    """An array of the declared type."""
    array = np.asarray(value)
    wanted = spec.dtype.numpy
    if array.dtype == wanted:
        return array
    chosen = isinstance(value, np.ndarray | np.generic)
    if array.size and not (np.can_cast(array.dtype, wanted) if chosen else holds(spec.dtype, array)):
        raise TypeError(f"it is {array.dtype} and declared {wanted}; convert it in {origin.function}")
    return array.astype(wanted)


def holds(dtype: DType, array: Array) -> bool:
    """Whether a type holds these numbers: they are in its range, and whole where it is."""
    kind: str = array.dtype.kind
    if dtype is DType.BOOL:
        return kind == "b"
    if dtype.is_float:
        return kind in "biuf"
    bounds = np.iinfo(dtype.numpy)
    return kind in "biu" and int(array.min()) >= bounds.min and int(array.max()) <= bounds.max


def to_text(value: Any) -> Array:
    """An array of bytes; text becomes UTF-8."""
    array = np.asarray(value)
    if array.dtype.kind not in "OSU" and array.size:
        raise TypeError(f"it is {array.dtype}")
    elements = [element_bytes(element) for element in np.asarray(value, np.object_).ravel().tolist()]
    made = np.empty(len(elements), np.object_)
    made[:] = elements
    return made.reshape(array.shape)


def element_bytes(element: Any) -> bytes:
    """One element of a text output."""
    if isinstance(element, bytes):
        return element
    if isinstance(element, str):
        return element.encode()
    raise TypeError(f"an element is {type(element).__name__}, not bytes or str")
