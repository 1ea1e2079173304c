"""Tensors on their way between processes."""

import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from dragoman.core.errors import Code, DragomanError
from dragoman.core.tensors import DType, Tensor
from dragoman.execution.workers.frames import GarbledError, Part
from dragoman.execution.workers.memory import KEPT_BYTES, SLOT_BYTES, create_memory, trim
from dragoman.execution.workers.packing import INLINE_BYTES, MOST_INLINE_BYTES, pack, unpack, used_bytes
from tests.contract.engines import bits, values


@pytest.fixture(scope="module")
def memory() -> Iterator[mmap.mmap]:
    shared = create_memory()
    yield shared.slot(0)
    shared.close()


def text(*elements: bytes) -> np.ndarray[Any, Any]:
    array = np.empty(len(elements), object)
    array[:] = elements
    return array


@pytest.mark.parametrize("times", [1, 3000], ids=["inline", "shared"])
@pytest.mark.parametrize("dtype", list(DType), ids=lambda dtype: dtype.value)
def test_every_type_comes_back_bit_for_bit_and_writable(memory: mmap.mmap, dtype: DType, times: int) -> None:
    sent = np.concatenate([values(dtype)] * times)
    parts = pack({"x": Tensor(dtype, sent)}, memory)
    assert (parts[0].data is None) == (parts[0].size > INLINE_BYTES)
    got = unpack(parts, memory)["x"]
    assert (got.dtype, got.array.dtype, got.array.shape) == (dtype, dtype.numpy, sent.shape)
    assert bits(got.array) == bits(sent)
    assert got.array.flags.writeable


@pytest.mark.parametrize("array", [
    np.float32(2.5).reshape(()), np.empty((0, 3), np.float32),
    np.arange(12, dtype=np.float32).reshape(3, 4).T, np.broadcast_to(np.float32(1), (200, 200)),
], ids=["scalar", "empty", "transposed", "broadcast"])  # fmt: skip
def test_every_layout_comes_back(memory: mmap.mmap, array: np.ndarray[Any, Any]) -> None:
    got = unpack(pack({"x": Tensor(DType.FP32, array)}, memory), memory)["x"].array
    assert got.shape == array.shape
    assert np.array_equal(got, array)


@pytest.mark.parametrize("shape", [(), (0,), (2, 0)])
def test_text_of_every_shape_comes_back(memory: mmap.mmap, shape: tuple[int, ...]) -> None:
    array = np.empty(shape, object)
    array.fill(b"a\0b")
    got = unpack(pack({"x": Tensor(DType.BYTES, array)}, memory), memory)["x"].array
    assert (got.shape, got.tolist()) == (shape, array.tolist())


def test_tensors_do_not_overlap(memory: mmap.mmap) -> None:
    sent = {str(n): Tensor(DType.UINT8, np.full(INLINE_BYTES + 1 + n, n, np.uint8)) for n in range(5)}
    parts = pack(sent, memory)
    assert used_bytes(parts) >= sum(tensor.array.nbytes for tensor in sent.values())
    got = unpack(parts, memory)
    assert all(np.array_equal(got[name].array, sent[name].array) for name in sent)


def test_many_small_tensors_do_not_make_a_long_frame(memory: mmap.mmap) -> None:
    sent = {str(n): Tensor(DType.UINT8, np.zeros(INLINE_BYTES, np.uint8)) for n in range(100)}
    inline = sum(part.size for part in pack(sent, memory) if part.data is not None)
    assert inline <= MOST_INLINE_BYTES


def test_tensors_that_are_too_large_are_refused_by_name(memory: mmap.mmap) -> None:
    huge = np.broadcast_to(np.uint8(0), (SLOT_BYTES + 1,))
    with pytest.raises(DragomanError, match='tensor "x" has 1073741825 bytes') as caught:
        pack({"x": Tensor(DType.UINT8, huge)}, memory)
    assert caught.value.code is Code.TOO_LARGE


GOOD = Part("x", DType.UINT16, (2,), 4, b"abcd")
TEXT = Part("x", DType.BYTES, (2,), 11, b"\1\0\0\0\2\0\0\0abc")


@pytest.mark.parametrize("part", [
    replace(GOOD, size=3), replace(GOOD, shape=(3,)), replace(GOOD, shape=(2**62, 2**62)),
    replace(GOOD, data=b"abc"), replace(GOOD, offset=1), replace(GOOD, data=None, offset=SLOT_BYTES),
    replace(GOOD, data=None, offset=2**64 - 1), replace(GOOD, shape=(1,) * 70 + (2,)),
    replace(GOOD, shape=(2**62, 0, 2**62), size=0, data=b""),
    replace(TEXT, shape=(3,)), replace(TEXT, shape=(1,)), replace(TEXT, shape=(2**62,)),
    replace(TEXT, offset=1), replace(TEXT, data=b"\xff\xff\xff\xff\2\0\0\0abc"), replace(TEXT, size=12),
    replace(TEXT, shape=()),
])  # fmt: skip
def test_a_part_that_does_not_fit_itself_is_garbled(memory: mmap.mmap, part: Part) -> None:
    with pytest.raises(GarbledError, match='tensor "x"'):
        unpack([part], memory)


def test_memory_that_a_large_call_took_is_given_back_and_the_rest_kept(memory: mmap.mmap) -> None:
    memory[0] = 1
    memory[KEPT_BYTES] = 1
    trim(memory, KEPT_BYTES + 1)
    assert (memory[0], memory[KEPT_BYTES]) == (1, 0)
