"""Tensors as parts of a frame, and back.

Small tensors travel in the frame, large ones through shared memory: `memory` is the slot's. Both sides copy,
so that the memory is free again as soon as the other side has read, and no tensor changes later. Text is the
lengths of the elements, as 32-bit little-endian integers, and then the elements.
"""

import mmap
from collections.abc import Iterable, Mapping
from math import prod
from typing import Any, Final

import numpy as np

from dragoman.core.errors import Code, DragomanError
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.execution.workers.frames import GarbledError, Part
from dragoman.execution.workers.memory import SLOT_BYTES

INLINE_BYTES: Final = 16 * 1024  # a larger tensor goes through shared memory
MOST_INLINE_BYTES: Final = 256 * 1024  # of all tensors of one frame
ALIGNMENT: Final = 64
LENGTH: Final = np.dtype("<u4")


def pack(tensors: Mapping[str, Tensor], memory: mmap.mmap) -> list[Part]:
    """The tensors, copied into the parts and into shared memory.

    Errors: TOO_LARGE where they take more than there is.
    """
    parts = []
    inline = 0
    offset = 0
    for name, tensor in tensors.items():
        array = tensor.array
        text = text_bytes(array) if tensor.dtype is DType.BYTES else None
        size = array.nbytes if text is None else len(text)
        if size <= INLINE_BYTES and inline + size <= MOST_INLINE_BYTES:
            inline += size
            data = array.tobytes() if text is None else text
            parts.append(Part(name, tensor.dtype, array.shape, size, data))
            continue
        if offset + size > SLOT_BYTES:
            raise DragomanError(
                Code.TOO_LARGE,
                f'tensor "{name}" has {size} bytes; {SLOT_BYTES - offset} are left of the '
                f"{SLOT_BYTES} that the tensors of one call may take",
            )
        place = np.frombuffer(memory, np.uint8, size, offset)
        place[:] = raw(array) if text is None else np.frombuffer(text, np.uint8)
        parts.append(Part(name, tensor.dtype, array.shape, size, None, offset))
        offset += -(-size // ALIGNMENT) * ALIGNMENT
    return parts


def unpack(parts: Iterable[Part], memory: mmap.mmap) -> dict[str, Tensor]:
    """Tensors of their own, writable, from the parts.

    Errors: GarbledError for a size that does not fit the shape, or lies beyond the memory.
    """
    return {part.name: Tensor(part.dtype, unpack_one(part, memory)) for part in parts}


def unpack_one(part: Part, memory: mmap.mmap) -> Array:
    """One part's array."""
    if part.data is None and part.offset + part.size > SLOT_BYTES:
        raise GarbledError(f'tensor "{part.name}" lies beyond the shared memory')
    if part.data is not None and len(part.data) != part.size:
        raise GarbledError(f'tensor "{part.name}" has {len(part.data)} bytes and announces {part.size}')
    source = memory if part.data is None else part.data
    try:
        if part.dtype is DType.BYTES:
            return text_array(bytes(memoryview(source)[part.offset : part.offset + part.size]), part)
        dtype = part.dtype.numpy
        count = prod(part.shape)
        if count * dtype.itemsize != part.size:
            raise GarbledError(f'tensor "{part.name}" has {part.size} bytes, which do not fit its shape')
        return np.frombuffer(source, dtype, count, part.offset).reshape(part.shape).copy()
    except (ValueError, OverflowError) as error:
        raise GarbledError(f'tensor "{part.name}" has an impossible shape') from error


def used_bytes(parts: Iterable[Part]) -> int:
    """How much of the shared memory these parts take, from its start."""
    return max((part.offset + part.size for part in parts if part.data is None), default=0)


def nbytes(tensors: Mapping[str, Tensor]) -> int:
    """The size of the tensors; text counts as much as its pointers."""
    size = 0
    for tensor in tensors.values():
        size += tensor.array.nbytes
    return size


def raw(array: Array) -> Array:
    """The bytes of an array, uncopied where its elements lie in order."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def text_bytes(array: Array) -> bytes:
    """The lengths of the elements, then the elements."""
    elements: list[bytes] = array.ravel().tolist()
    lengths = np.fromiter(map(len, elements), LENGTH, len(elements))
    return b"".join((lengths.tobytes(), *elements))


def text_array(data: bytes, part: Part) -> Array:
    """The elements again."""
    count = prod(part.shape)
    if LENGTH.itemsize * count > len(data):
        raise GarbledError(f'tensor "{part.name}" has fewer bytes than lengths')
    lengths = np.frombuffer(data, LENGTH, count).astype(np.int64)
    ends = LENGTH.itemsize * count + np.cumsum(lengths)
    if (int(ends[-1]) if count else 0) != len(data):
        raise GarbledError(f'tensor "{part.name}" has {len(data)} bytes, which are not its elements')
    array: np.ndarray[Any, Any] = np.empty(count, np.object_)
    starts = (ends - lengths).tolist()
    array[:] = [data[start:end] for start, end in zip(starts, ends.tolist(), strict=True)]
    return array.reshape(part.shape)
