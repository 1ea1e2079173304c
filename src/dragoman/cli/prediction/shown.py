"""A result for people, for programs, and for a file."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

from dragoman.cli.failure import Exit, FailureError
from dragoman.cli.table import aligned, one_line
from dragoman.client.results import Result
from dragoman.core.tensors import BY_NUMPY, Array, DType, Tensor
from dragoman.wire.datatypes import DATATYPES
from dragoman.wire.tensor_json import write_tensor

HEADINGS: Final = ("OUTPUT", "TYPE", "SHAPE", "VALUES")
WIDTH: Final = 100
SHOWN_ELEMENTS: Final = 200  # of an output; of more, the first and last


def table(result: Result) -> Iterator[str]:
    """The outputs as lines of aligned columns; values that take several lines stand below their output."""
    yield f"{one_line(result.model)}, version {one_line(result.version)}"
    rows = [
        (one_line(name), DATATYPES[dtype_of(array)], str(list(array.shape)), values(array))
        for name, array in result.items()
    ]
    widths = [max(len(row[column]) for row in (HEADINGS, *rows)) for column in range(3)]
    yield aligned(HEADINGS, [*widths, 0])
    for *cells, text in rows:
        if "\n" not in text:
            yield aligned((*cells, text), [*widths, 0])
            continue
        yield aligned(cells, widths)
        yield from (f"  {line}" for line in text.splitlines())


def dtype_of(array: Array) -> DType:
    """The element type of an array that came in an answer."""
    return BY_NUMPY[array.dtype]


def values(array: Array) -> str:
    """An array's elements as text, without anything that could drive a terminal."""
    if dtype_of(array) is DType.BYTES:
        array = np.array([element_text(element) for element in array.reshape(-1)], object).reshape(
            array.shape
        )
    text = np.array2string(
        array,
        max_line_width=WIDTH,
        threshold=SHOWN_ELEMENTS,
        precision=6,
        separator=", ",
        suppress_small=True,
    )
    return text


def element_text(element: bytes) -> str:
    """One element of BYTES: text where it is some, else what it is as bytes."""
    try:
        return element.decode()
    except UnicodeDecodeError:
        return repr(element)


def document(result: Result, adds: Mapping[str, Array] | None = None) -> str:
    """The outputs as JSON: types, shapes and nested values; bytes that are no text as `{"b64": ...}`.

    `adds` = what each value of each input adds to the answer.
    """
    outputs = []
    for name, array in result.items():
        dtype = dtype_of(array)
        data = write_tensor(name, Tensor(dtype, array)).decode()
        head = json.dumps({"datatype": DATATYPES[dtype], "shape": list(array.shape)})
        outputs.append(f'    {json.dumps(name)}: {head[:-1]}, "data": {data}}}')
    parts = [f'  "model": {json.dumps(result.model)}', f'  "version": {json.dumps(result.version)}']
    if result.parameters:
        parts.append(f'  "parameters": {json.dumps(dict(result.parameters))}')
    parts.append('  "outputs": {\n' + ",\n".join(outputs) + "\n  }")
    if adds is not None:
        parts.append(f'  "explanations": {json.dumps({name: each.tolist() for name, each in adds.items()})}')
    return "{\n" + ",\n".join(parts) + "\n}"


def save(result: Result, path: Path) -> None:
    """Write the outputs into a .npz file. bfloat16, which NumPy's files do not know, becomes float32.

    Errors: FailureError for a file that cannot be written, and for text that ends in a zero byte.
    """
    try:
        with ZipFile(path, "w", ZIP_DEFLATED) as archive:
            for name, array in result.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, storable(name, array), allow_pickle=False)
    except OSError as error:
        raise FailureError(f"{path} cannot be written: {error.strerror}") from error


def storable(name: str, array: Array) -> Array:
    """The array in a type that NumPy's files have."""
    dtype = dtype_of(array)
    if dtype is DType.BF16:
        return array.astype(np.float32)
    if dtype is not DType.BYTES:
        return array
    if any(element.endswith(b"\0") for element in array.reshape(-1)):
        raise FailureError(
            f"output {name!r} holds bytes that end in zero, which a .npz file would lose", Exit.FAILURE
        )
    return np.array(array.reshape(-1).tolist(), np.bytes_).reshape(array.shape)
