"""Answers to inference requests: JSON, and the bytes of the outputs that are wanted in binary form."""

from functools import lru_cache
from typing import Final

from dragoman.core.errors import invalid
from dragoman.core.tensors import DType, Tensor
from dragoman.wire.datatypes import DATATYPES
from dragoman.wire.json_tree import dump
from dragoman.wire.raw_tensors import Data, write_raw
from dragoman.wire.tensor_json import write_array

CACHED: Final = 4096
BYTES: Final = DType.BYTES


def write_output(name: str, tensor: Tensor) -> bytes:
    """An output with its values in the JSON, always flat.

    Errors: INVALID_ARGUMENT for bytes that are no text, which JSON cannot hold.
    """
    dtype, array = tensor.dtype, tensor.array
    if dtype is BYTES:
        data = write_texts(name, tensor)
    else:
        data = write_array(array if array.ndim == 1 else array.reshape(-1), dtype)
    return b'%b,"data":%b}' % (output_head(name, dtype, array.shape), data)


def write_binary_output(name: str, tensor: Tensor) -> tuple[bytes, Data]:
    """An output that says how many bytes it has, and these bytes."""
    data = write_raw(tensor)
    head = output_head(name, tensor.dtype, tensor.array.shape)
    return b'%b,"parameters":{"binary_data_size":%d}}' % (head, len(data)), data


def write_texts(name: str, tensor: Tensor) -> bytes:
    """Elements of BYTES as a flat list of texts.

    Errors: INVALID_ARGUMENT for bytes that are no UTF-8.
    """
    try:
        return dump([element.decode() for element in tensor.array.reshape(-1)])
    except UnicodeDecodeError:
        message = f"output '{name}' holds bytes that are no UTF-8 text: ask for it as binary data"
        raise invalid(message) from None


@lru_cache(CACHED)
def output_head(name: str, dtype: DType, shape: tuple[int, ...]) -> bytes:
    """An output's entry up to its data; much the same in every answer."""
    return dump({"name": name, "datatype": DATATYPES[dtype], "shape": shape})[:-1]


@lru_cache(CACHED)
def answer_head(model: str, version: int | None) -> bytes:
    """The beginning of an answer."""
    return dump({"model_name": model, "model_version": "" if version is None else str(version)})[:-1]
