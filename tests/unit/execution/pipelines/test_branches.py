"""Cutting tensors into branches and putting them together."""

import ml_dtypes
import numpy as np
import pytest

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.tensors import DType, Tensor
from dragoman.execution.pipelines.branches import branch, branch_count, gathered
from dragoman.settings.pipeline import MOST_BRANCHES
from tests.unit.execution.pipelines.graphs import tensor

WRONG_SIZE = "Wrong dimension size. Should match demultiply count"
TEXT = Tensor(DType.BYTES, np.array([b"a", b"bc", b""], np.object_))


@pytest.mark.parametrize("wanted", [3, None])
def test_there_are_as_many_branches_as_the_first_axis_has_elements(wanted):
    assert (
        branch_count([("a", tensor(np.ones((3, 2)))), ("b", tensor([1, 2, 3]))], wanted, Code.INTERNAL) == 3
    )


@pytest.mark.parametrize(
    ("tensors", "wanted", "message"),
    [
        ([("a", tensor(1.0))], None,
         'Wrong number of dimensions in a tensor to be sharded - "a" is a single value'),
        ([("a", tensor([1, 2]))], 3,
         f'{WRONG_SIZE} - "a" has shape (2,), and there are 3 branches'),
        ([("a", tensor([1, 2])), ("b", tensor([1]))], None,
         f'{WRONG_SIZE} - "b" has shape (1,), and there are 2 branches'),
        ([("a", tensor(np.zeros(MOST_BRANCHES + 1)))], None,
         "Too large dynamic demultiplication requested. - 10001 branches; 10000 are allowed"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("blame", [Code.INTERNAL, Code.INVALID_ARGUMENT])
def test_tensors_that_cannot_be_cut_so_are_told_of(tensors, wanted, message, blame):
    with pytest.raises(DragomanError) as caught:
        branch_count(tensors, wanted, blame)
    assert (caught.value.code, caught.value.message) == (blame, message)


def test_no_branches_are_a_case_of_their_own():
    with pytest.raises(DragomanError) as caught:
        branch_count([("a", tensor(np.zeros((0, 3))))], None, Code.INTERNAL)
    error = caught.value
    assert (error.code, error.reason) == (Code.FAILED_PRECONDITION, Reason.NO_CONTENT)
    assert error.message == "Pipeline execution aborted due to no content from custom node"


def test_as_many_branches_as_are_allowed_are_allowed():
    whole = tensor(np.zeros(MOST_BRANCHES))
    assert branch_count([("a", whole)], None, Code.INTERNAL) == MOST_BRANCHES


@pytest.mark.parametrize(
    "whole",
    [tensor(np.arange(12).reshape(3, 2, 2)), tensor([1, 2, 3], np.int64), TEXT,
     tensor([1.5, 2.5, 3.5], ml_dtypes.bfloat16)],
)  # fmt: skip
def test_what_was_cut_and_gathered_is_what_it_was(whole):
    parts = [branch(whole, index) for index in range(3)]
    assert {part.array.shape for part in parts} == {whole.array.shape[1:]}
    again = gathered(parts)
    assert again.dtype is whole.dtype
    assert again.array.dtype == whole.array.dtype
    assert again.array.tolist() == whole.array.tolist()


def test_a_branch_borrows_the_tensors_memory_and_is_in_order():
    whole = tensor(np.ones((3, 4, 5)))
    part = branch(whole, 1)
    assert np.shares_memory(part.array, whole.array)
    assert part.array.flags.c_contiguous


@pytest.mark.parametrize(
    ("other", "shown"),
    [(tensor([1, 2, 3]), "float32 (3,)"), (tensor([1, 2], np.int32), "int32 (2,)")],
)
def test_branches_that_are_not_alike_are_an_error(other, shown):
    with pytest.raises(DragomanError) as caught:
        gathered([tensor([1, 2]), tensor([3, 4]), other])
    assert caught.value.code is Code.INTERNAL
    assert caught.value.message == (
        "Gathered tensor shards dimensions are different - "
        f"float32 (2,) in the first branch, {shown} in another"
    )
