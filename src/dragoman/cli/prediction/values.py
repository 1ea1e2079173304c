"""Sources to the values of a model's inputs: what a file is, is told from its contents, not from its name."""

import json
from collections.abc import Iterable
from io import BytesIO
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np

from dragoman.cli.failure import Exit, FailureError
from dragoman.cli.prediction.pictures import is_picture, read_picture
from dragoman.cli.prediction.sources import Source
from dragoman.client.arrays import plain_tensor, typed_tensor
from dragoman.client.results import ModelMetadata, TensorMetadata
from dragoman.core.tensors import NUMPY, Array, DType
from dragoman.wire.datatypes import DATATYPES

NPY: Final = b"\x93NUMPY"
NPZ: Final = b"PK\x03\x04"
Value = Any  # an array, the bytes of an image, text, or what JSON held
NO_JSON: Final = object()


def read_values(sources: Iterable[Source], metadata: ModelMetadata, scale: float) -> dict[str, Array]:
    """The arrays of the inputs. Several images for one input become its rows.

    Errors: FailureError for what no input takes; InvalidInput naming the input.
    """
    found: dict[str, list[Array]] = {}
    for source in sources:
        for name, value in spread(source, metadata).items():
            spec = metadata.inputs.get(name)
            if spec is None:
                raise FailureError(
                    f"{source.place}: there is no input {name!r}; {takes(metadata)}", Exit.USAGE
                )
            picture = is_picture(value) and spec.dtype is not DType.BYTES
            if name in found and not picture:
                raise FailureError(f"input {name!r} is given twice", Exit.USAGE)
            array = (
                read_picture(value, spec, source.place, scale)
                if picture
                else as_array(value, spec, source.place)
            )
            found.setdefault(name, []).append(array)
    return {name: joined(name, arrays) for name, arrays in found.items()}


def takes(metadata: ModelMetadata) -> str:
    """The model's inputs, for messages."""
    return f"{metadata.name!r} takes {', '.join(map(str, metadata.inputs.values())) or 'no inputs'}"


def joined(name: str, arrays: list[Array]) -> Array:
    """The rows of several arrays as one."""
    if len(arrays) == 1:
        return arrays[0]
    try:
        return np.concatenate(arrays)
    except ValueError:
        raise FailureError(f"the images for input {name!r} differ in size", Exit.USAGE) from None


def spread(source: Source, metadata: ModelMetadata) -> dict[str, Value]:
    """The values in a source, by the names of the inputs that they are for.

    Errors: FailureError for a file that is broken, and for a value without a name where it needs one.
    """
    value = opened(source)
    if isinstance(value, dict):
        if source.name is None:
            return value
        if len(value) != 1:
            raise FailureError(f"{source.place} holds several arrays: give it as --file", Exit.USAGE)
        return {source.name: next(iter(value.values()))}
    if source.name is not None:
        return {source.name: value}
    document = parsed(value) if isinstance(value, str) else NO_JSON
    if isinstance(document, dict):
        return document
    if len(metadata.inputs) != 1:
        raise FailureError(
            f"{source.place}: say which input it is for, as NAME=...; {takes(metadata)}", Exit.USAGE
        )
    return {next(iter(metadata.inputs)): value}


def opened(source: Source) -> Value:
    """What a source holds: arrays by name, one array, the bytes of an image or of something else, or text."""
    data = source.data
    if isinstance(data, str) or is_picture(data):
        return data
    if data.startswith((NPY, NPZ)):
        try:
            loaded = np.load(BytesIO(data), allow_pickle=False)
            return loaded if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
        except (ValueError, OSError, EOFError, BadZipFile) as error:
            raise FailureError(f"{source.place} cannot be read: {error}", Exit.USAGE) from None
    try:
        return data.decode().removesuffix("\n")
    except UnicodeDecodeError:
        return data


def parsed(text: str) -> Any:
    """What a text holds as JSON, NO_JSON where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return NO_JSON


def as_array(value: Value, spec: TensorMetadata, place: str) -> Array:
    """The value as an array of the input's type, with rows where the input has some and the value none.

    Errors: FailureError, InvalidInput.
    """
    if isinstance(value, np.ndarray):
        array = converted(value, spec, place)
    elif spec.dtype is DType.BYTES:
        document = parsed(value) if isinstance(value, str) else NO_JSON
        array = plain_tensor(document if isinstance(document, str | list) else value, spec).array
    elif isinstance(value, bytes):
        raise FailureError(f"{place} is no image, array, JSON or text that can be read", Exit.USAGE)
    else:
        document = parsed(value) if isinstance(value, str) else value
        if document is NO_JSON:
            raise FailureError(f"{place}: {spec} takes JSON, and {value[:40]!r} is none", Exit.USAGE)
        array = plain_tensor(document, spec).array
    return array[(None,) * (len(spec.shape) - array.ndim)]


def converted(array: Array, spec: TensorMetadata, place: str) -> Array:
    """An array from a file in the input's type, where no number is changed by that but in its precision.

    Errors: FailureError; InvalidInput for an array of things that no tensor has.
    """
    tensor = typed_tensor(spec.name, array)
    if tensor.dtype is spec.dtype:
        return tensor.array
    target = NUMPY[spec.dtype]
    if DType.BYTES not in (spec.dtype, tensor.dtype) and DType.BOOL not in (spec.dtype, tensor.dtype):
        with np.errstate(invalid="ignore", over="ignore"):
            narrowed: Array = tensor.array.astype(target)
        if spec.dtype.is_float or np.array_equal(narrowed, tensor.array):
            return narrowed
    held = DATATYPES[tensor.dtype]
    raise FailureError(f"{place} holds {held} that do not fit input {spec}", Exit.USAGE)
