"""Arrays become tensors and come back; memory is shared where it can be."""

import numpy as np
import pytest
import torch

from dragoman.core.tensors import DType, Tensor
from dragoman.engines.torch.values import UnsendableError, from_torch, to_torch
from tests.contract.engines import bits, values
from tests.unit.engines.torch.programs import TORCH


@pytest.mark.parametrize("dtype", list(TORCH), ids=lambda dtype: dtype.value)
def test_every_type_goes_there_and_back_without_a_copy(dtype: DType) -> None:
    sent = values(dtype)
    there = to_torch(torch, Tensor(dtype, sent), None)
    assert there.dtype is TORCH[dtype]
    assert there.data_ptr() == sent.ctypes.data
    back = from_torch(torch, there, [])
    assert back.dtype is dtype
    assert back.array.ctypes.data == sent.ctypes.data
    assert bits(back.array) == bits(sent)


def test_what_may_not_be_written_to_is_copied() -> None:
    frozen = np.frombuffer(b"\x01\x02", np.uint8)
    there = to_torch(torch, Tensor(DType.UINT8, frozen), None)
    assert there.tolist() == [1, 2]
    assert there.data_ptr() != frozen.ctypes.data


def test_so_is_what_does_not_lie_in_order() -> None:
    turned = np.arange(6, dtype=np.float32).reshape(2, 3).T
    assert to_torch(torch, Tensor(DType.FP32, turned), None).tolist() == turned.tolist()


def test_an_answer_in_the_memory_of_an_input_is_copied() -> None:
    given = np.arange(6, dtype=np.float32)
    part = to_torch(torch, Tensor(DType.FP32, given), None)[2:4]
    assert not np.may_share_memory(from_torch(torch, part, [given]).array, given)


def test_views_of_other_order_sign_or_gradient_come_back_whole() -> None:
    turned = torch.arange(6.0).reshape(2, 3).t()
    assert from_torch(torch, turned, []).array.flags.c_contiguous
    assert from_torch(torch, turned, []).array.tolist() == turned.tolist()
    negative = torch.tensor([1 + 2j]).conj().imag
    assert from_torch(torch, negative, []).array.tolist() == [-2.0]
    assert from_torch(torch, torch.ones(1, requires_grad=True), []).array.tolist() == [1.0]


@pytest.mark.parametrize(("number", "dtype"), [(True, DType.BOOL), (3, DType.INT64), (0.5, DType.FP64)])
def test_numbers_become_tensors_without_axes(number: float, dtype: DType) -> None:
    made = from_torch(torch, number, [])
    assert (made.dtype, made.array.shape, made.array.item()) == (dtype, (), number)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("text", "a str"),
        ([torch.ones(1)], "a list"),
        (torch.ones(1, dtype=torch.complex64), "a tensor of torch.complex64"),
        (torch.eye(2).to_sparse(), "a sparse tensor"),
    ],
)
def test_what_has_no_type_here_is_named(value: object, words: str) -> None:
    with pytest.raises(UnsendableError, match=words):
        from_torch(torch, value, [])
