"""The rows on which source and ONNX are compared: made up, or those of a file."""

import csv
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np

from dragoman.convert.messages import Hint
from dragoman.core.errors import invalid
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import Array, DType, Tensor, fits, show_shape

Inputs = Mapping[str, Tensor]  # by the engine's names

AT_POINTS: Final = 0.3  # of the values of a column whose thresholds are known
BEYOND: Final = 0.1  # how far beyond the known bounds values go, of the width between them
OPEN_SIZE: Final = 2  # of an inner axis of any size
UNKNOWN: Final = Hint(-3.0, 3.0)
TEXTS: Final = ("a", "b", "text")


def made_up(signature: Signature, hints: Sequence[Hint], rows: int, seed: int) -> Inputs:
    """So many rows that fit the signature, the same for the same seed.

    `hints` are of the columns of the inputs, in their order, or empty.
    """
    random = np.random.default_rng(seed)
    rows = max(rows // step_of(signature), 1) * step_of(signature)
    made, column = {}, 0
    for spec in signature.inputs.values():
        width = 1 if len(spec.shape or ()) < 2 else (spec.shape or (None, 1))[1] or 1
        own = hints[column : column + width]
        column += width
        if any(hint != Hint() for hint in own):
            array = table(spec, own, rows, random)
        else:
            array = unknown(spec, rows, random)
        made[spec.source] = Tensor(spec.dtype, array)
    return made


def table(spec: TensorSpec, hints: Sequence[Hint], rows: int, random: np.random.Generator) -> Array:
    """Columns of which something is known."""
    columns = [values(hint, spec.dtype, rows, random) for hint in hints]
    array: Array = columns[0] if len(spec.shape or ()) == 1 else np.stack(columns, axis=1)
    return array


def values(hint: Hint, dtype: DType, rows: int, random: np.random.Generator) -> Array:
    """The values of one column."""
    if dtype is DType.BYTES:
        texts = np.array(hint.texts or TEXTS, object)
        made = np.empty(rows, object)
        made[:] = [str(text).encode() for text in random.choice(texts, rows)]
        return made
    known = UNKNOWN if hint.low is None or hint.high is None else hint
    low, high = float(known.low or 0), float(known.high or 0)
    margin = (high - low) * BEYOND
    drawn = random.uniform(low - margin, high + margin, rows)
    if hint.points:
        at = random.random(rows) < (1.0 if set(hint.points) >= {low, high} else AT_POINTS)
        drawn = np.where(at, random.choice(np.array(hint.points), rows), drawn)
    return drawn.astype(dtype.numpy)


def unknown(spec: TensorSpec, rows: int, random: np.random.Generator) -> Array:
    """Values of an input of which only type and shape are known."""
    shape = shape_of(spec, rows)
    if spec.dtype is DType.BYTES:
        texts = np.empty(prod(shape), object)
        texts[:] = [str(text).encode() for text in random.choice(np.array(TEXTS, object), texts.size)]
        return texts.reshape(shape)
    if spec.dtype.is_float:
        return random.standard_normal(shape).astype(spec.dtype.numpy)
    return random.integers(0, 2, shape).astype(spec.dtype.numpy)


def shape_of(spec: TensorSpec, rows: int) -> tuple[int, ...]:
    """The first axis is the rows', also where a call has a fixed number of them."""
    sizes = (None,) if spec.shape is None else spec.shape
    return tuple(rows if not axis else OPEN_SIZE if size is None else size for axis, size in enumerate(sizes))


def step_of(signature: Signature) -> int:
    """How many rows every call has, where that is fixed and the same for all inputs; else 1."""
    sizes = {spec.shape[0] if spec.shape else None for spec in signature.inputs.values()}
    return (sizes.pop() if len(sizes) == 1 else None) or 1


def of_file(signature: Signature, path: Path) -> Inputs:
    """The rows of a .npy, .npz or .csv file.

    Errors: INVALID_ARGUMENT naming the file and what does not fit.
    """
    try:
        arrays = read(signature, path)
    except OSError as error:
        raise invalid(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, KeyError) as error:
        reason = str(error).partition(". ")[0]
        raise invalid(f"{path} cannot be read: {reason}") from error
    made = {}
    for name, spec in signature.inputs.items():
        if name not in arrays:
            raise invalid(f"{path} has no {name!r}; it has {', '.join(arrays)}")
        array = typed(arrays[name], spec, path)
        fixed = step_of(signature) > 1 or (spec.shape or (None,))[0] == 1
        shape = (None, *(spec.shape or ())[1:]) if fixed else spec.shape
        if not fits(array.shape, shape):
            raise invalid(
                f"{path}: {name!r} is {show_shape(array.shape)}, and the model takes {show_shape(spec.shape)}"
            )
        made[spec.source] = Tensor(spec.dtype, array)
    return made


def read(signature: Signature, path: Path) -> dict[str, Array]:
    """The arrays of a file, by the callers' names of inputs."""
    only = next(iter(signature.inputs)) if len(signature.inputs) == 1 else ""
    if path.suffix == ".csv":
        return read_table(path, only)
    loaded: Any = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        if only:
            return {only: loaded}
        names = list(signature.inputs)
        if loaded.ndim != 2 or loaded.shape[1] != len(names):
            raise ValueError(
                f"its shape {show_shape(loaded.shape)} is not one column for each of {len(names)} inputs"
            )
        return {name: loaded[:, index] for index, name in enumerate(names)}
    return dict(loaded)


def read_table(path: Path, only: str) -> dict[str, Array]:
    """The columns of a CSV file by the names of its first line; of a model with one input, all as its matrix.

    A first line of numbers alone is a row, too.
    """
    with open(path, newline="", encoding="utf-8-sig") as file:
        lines = [line for line in csv.reader(file) if line]
    if not lines:
        raise ValueError("it is empty")
    if len({len(line) for line in lines}) != 1:
        raise ValueError("its lines are of unequal length")
    headed = not all(is_number(cell) for cell in lines[0])
    cells = np.array(lines[1:] if headed else lines, object)
    if only and not (headed and lines[0] == [only]):
        return {only: cells}
    return {name: cells[:, index] for index, name in enumerate(lines[0])}


def is_number(cell: str) -> bool:
    """Whether a cell reads as a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def typed(array: Array, spec: TensorSpec, path: Path) -> Array:
    """The values in the input's type.

    Errors: INVALID_ARGUMENT.
    """
    if spec.dtype is DType.BYTES:
        made = np.empty(array.size, object)
        made[:] = [
            value if isinstance(value, bytes) else str(value).encode() for value in array.ravel().tolist()
        ]
        return made.reshape(array.shape)
    try:
        return np.ascontiguousarray(array).astype(spec.dtype.numpy)
    except ValueError as error:
        raise invalid(f"{path}: {spec.name!r}: {error}") from error


def rows_of(inputs: Inputs) -> int:
    """How many rows there are; 1 where the first axes differ, or there are none."""
    sizes = {tensor.array.shape[0] if tensor.array.ndim else None for tensor in inputs.values()}
    size = sizes.pop() if len(sizes) == 1 else None
    return size or 1


def some_rows(inputs: Inputs, start: int, end: int) -> Inputs:
    """Some of the rows."""
    return {
        name: Tensor(tensor.dtype, np.ascontiguousarray(tensor.array[start:end]))
        for name, tensor in inputs.items()
    }
