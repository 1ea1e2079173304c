"""Bodies on their way between the server and a worker: as tensors of bytes travel, which may be large."""

import mmap
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np

from dragoman.core.tensors import DType, Tensor
from dragoman.execution.workers.frames import GarbledError, Part
from dragoman.execution.workers.memory import SLOT_BYTES
from dragoman.execution.workers.packing import INLINE_BYTES, MOST_INLINE_BYTES, pack

Body = bytes | bytearray | memoryview
B = TypeVar("B", bytes, bytearray)


def pack_bodies(bodies: Sequence[Body], memory: mmap.mmap) -> list[Part]:
    """The bodies as parts of a frame.

    Errors: TOO_LARGE where they take more than there is.
    """
    sizes = list(map(size_bytes, bodies))
    if sum(sizes) <= MOST_INLINE_BYTES and max(sizes, default=0) <= INLINE_BYTES:
        return [
            Part(str(index), DType.UINT8, (size,), size, bytes(body))
            for index, (size, body) in enumerate(zip(sizes, bodies, strict=True))
        ]
    arrays = (np.frombuffer(body, np.uint8) for body in bodies)
    return pack({str(index): Tensor(DType.UINT8, array) for index, array in enumerate(arrays)}, memory)


def unpack_bodies(parts: Iterable[Part], memory: mmap.mmap, made: Callable[[Body], B]) -> list[B]:
    """Copies of them, each `made` of what came: `bytes`, or `bytearray`.

    Errors: GarbledError.
    """
    return [made(contents(part, memory)) for part in parts]


def contents(part: Part, memory: mmap.mmap) -> Body:
    """Where a body's bytes lie."""
    if part.dtype is not DType.UINT8 or part.shape != (part.size,):
        raise GarbledError("a body that is no row of bytes")
    if part.data is None:
        if part.offset + part.size > SLOT_BYTES:
            raise GarbledError("a body that lies beyond the shared memory")
        return memoryview(memory)[part.offset : part.offset + part.size]
    if len(part.data) != part.size:
        raise GarbledError(f"a body of {len(part.data)} bytes that announces {part.size}")
    return part.data


def size_bytes(body: Body) -> int:
    """How many bytes a body has."""
    return body.nbytes if isinstance(body, memoryview) else len(body)
