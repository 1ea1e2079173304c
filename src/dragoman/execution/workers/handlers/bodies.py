"""Bodies on their way between the server and a worker: as tensors of bytes travel, which may be large."""

import mmap
from collections.abc import Iterable, Sequence

import numpy as np

from dragoman.core.tensors import DType, Tensor
from dragoman.execution.workers.frames import Part
from dragoman.execution.workers.packing import pack, unpack

Body = bytes | bytearray | memoryview


def pack_bodies(bodies: Sequence[Body], memory: mmap.mmap) -> list[Part]:
    """The bodies as parts of a frame.

    Errors: TOO_LARGE where they take more than there is.
    """
    arrays = (np.frombuffer(body, np.uint8) for body in bodies)
    return pack({str(index): Tensor(DType.UINT8, array) for index, array in enumerate(arrays)}, memory)


def unpack_bodies(parts: Iterable[Part], memory: mmap.mmap) -> list[bytearray]:
    """Copies of them.

    Errors: GarbledError.
    """
    return [bytearray(tensor.array) for tensor in unpack(parts, memory).values()]
