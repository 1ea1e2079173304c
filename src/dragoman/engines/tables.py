"""What models of tables take: one matrix, a column for each name that they were trained with, or texts."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from msgspec import Struct

from dragoman.core.errors import Reason, invalid
from dragoman.core.mismatch import wrong_dtype, wrong_shape
from dragoman.core.signatures import TensorSpec
from dragoman.core.tensors import Array, DType, Tensor, fits

MATRIX: Final = "input-0"  # as clients of the Open Inference Protocol call the input of such models


class Table(Struct, frozen=True):
    """What the rows are made of. `names` empty = the model knows its columns by their places alone.

    `texts` = the columns that are text. `by_name` = one input for each column, else one matrix of all.
    `flat` = each row is one text, and no list of columns.
    """

    width: int
    names: tuple[str, ...] = ()
    texts: frozenset[str] = frozenset()
    dtype: DType = DType.FP64
    by_name: bool = True
    flat: bool = False

    @property
    def inputs(self) -> dict[str, TensorSpec]:
        """The inputs, by name."""
        if self.flat:
            return {MATRIX: TensorSpec(MATRIX, DType.BYTES, (None,), MATRIX)}
        if not (self.by_name and self.names):
            dtype = DType.BYTES if self.texts else self.dtype
            return {MATRIX: TensorSpec(MATRIX, dtype, (None, self.width), MATRIX)}
        return {
            name: TensorSpec(name, DType.BYTES if name in self.texts else self.dtype, (None,), name)
            for name in self.names
        }

    def columns(self, given: Mapping[str, Tensor]) -> list[Array]:
        """The values of each column, all of one length.

        Errors: INVALID_ARGUMENT naming the input that is missing, unknown, or of another type or shape.
        """
        specs = self.inputs
        for name in specs:
            if name not in given:
                raise invalid(f'input "{name}" is missing', Reason.INPUT_MISSING)
        for name in given:
            if name not in specs:
                takes = ", ".join(sorted(specs))
                raise invalid(f'there is no input "{name}"; the model takes {takes}', Reason.INPUT_UNKNOWN)
        arrays = [read(given[name], spec) for name, spec in specs.items()]
        if self.flat:
            return arrays
        if MATRIX in specs and not (self.by_name and self.names):
            return list(arrays[0].T)
        first = next(iter(specs))
        for name, array in zip(specs, arrays, strict=True):
            if len(array) != len(arrays[0]):
                message = f'input "{name}" has {len(array)} rows, input "{first}" has {len(arrays[0])}'
                raise invalid(message, Reason.INPUT_SHAPE)
        return arrays

    def matrix(self, columns: list[Array]) -> Array:
        """The columns as one array, row by row."""
        if self.flat:
            return columns[0]
        dtype = np.dtype(object) if self.texts else self.dtype.numpy
        return np.stack(columns, axis=1).astype(dtype, copy=False)

    def frame(self, columns: list[Array]) -> Any:
        """The columns as a DataFrame of pandas."""
        import pandas  # noqa: PLC0415 (models without names need none)

        return pandas.DataFrame(dict(zip(self.names, columns, strict=True)), copy=False)


def read(tensor: Tensor, spec: TensorSpec) -> Array:
    """One input's values. Numbers of any type are taken for numbers, as the libraries themselves take them.

    Errors: INVALID_ARGUMENT naming the input.
    """
    array = tensor.array
    if spec.shape == (None,) and array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]  # as clients send a column of a DataFrame
    if (tensor.dtype is DType.BYTES) is not (spec.dtype is DType.BYTES):
        raise wrong_dtype(spec.name, tensor.dtype, spec.dtype)
    if not fits(array.shape, spec.shape):
        raise wrong_shape(spec.name, array.shape, spec)
    return (
        texts(array, spec.name) if spec.dtype is DType.BYTES else array.astype(spec.dtype.numpy, copy=False)
    )


def texts(array: Array, name: str) -> Array:
    """Text from its bytes.

    Errors: INVALID_ARGUMENT for what is no UTF-8.
    """
    try:
        values = [value.decode() for value in array.ravel().tolist()]
    except UnicodeDecodeError as error:
        raise invalid(f'input "{name}" has text that is no UTF-8: {error.reason}') from None
    made = np.empty(len(values), object)
    made[:] = values
    return made.reshape(array.shape)


def to_tensor(values: Any, spec: TensorSpec) -> Tensor:
    """What a model gave, as the output that it is declared to be."""
    array = np.asarray(values)
    if spec.dtype is not DType.BYTES:
        return Tensor(spec.dtype, np.ascontiguousarray(array, spec.dtype.numpy))
    made = np.empty(array.size, object)
    made[:] = [str(value).encode() for value in array.ravel().tolist()]
    return Tensor(DType.BYTES, made.reshape(array.shape))


def failure_text(error: Exception) -> str:
    """The first line of what a library says of the values it was given."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else "no reason given"


def missing(engine: str, package: str, extra: str) -> str:
    """What is said where a package is not there."""
    return f"the engine {engine} needs the package {package}: pip install 'dragoman[{extra}]'"


def only_file(top: list[str], suffixes: tuple[str, ...]) -> str | None:
    """The file called model, by the order of the suffixes; else the only one with one of them."""
    for suffix in suffixes:
        if f"model{suffix}" in top:
            return f"model{suffix}"
    found = [name for name in top if name.endswith(suffixes)]
    return found[0] if len(found) == 1 else None
