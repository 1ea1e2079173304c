"""How much of an answer there is to write."""

from math import inf

import numpy as np

from dragoman.core.responses import PayloadResponse, TensorResponse, TreeResponse
from dragoman.core.tensors import DType, Tensor
from dragoman.gateway.effort import NUMBER_BYTES, bytes_to_write


def test_numbers_count_alike_and_texts_by_their_length() -> None:
    numbers = Tensor(DType.FP64, np.zeros((2, 5)))
    texts = Tensor(DType.BYTES, np.array([[b"abc"], [b""]], object))
    assert bytes_to_write(TensorResponse({"a": numbers, "b": texts})) == 10 * NUMBER_BYTES + 3


def test_a_body_is_written_already_and_of_values_of_any_form_nobody_knows() -> None:
    assert bytes_to_write(PayloadResponse(b"x" * 99)) == 0
    assert bytes_to_write(TreeResponse([1])) == inf
