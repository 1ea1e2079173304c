"""Whether a model's rows are independent."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from dragoman.core.context import CallContext
from dragoman.core.errors import invalid
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import Chunk, TensorResponse
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.execution.agreement import disagreement


class Computed:
    """A model whose only output is a function of its only input."""

    def __init__(
        self, function: Callable[[Array], Array], dtype: DType, shape: tuple[int | None, ...]
    ) -> None:
        self.signature = Signature("s", {"x": TensorSpec("x", dtype, shape, "x")}, {}, source="s")
        self.signatures: Mapping[str, Signature] = {"s": self.signature}
        self.concurrency = 1
        self._function = function
        self._dtype = dtype

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        return TensorResponse({"y": Tensor(self._dtype, self._function(request.inputs["x"].array))})

    def stream(self, request: TensorRequest, call: CallContext) -> Iterator[Chunk]:
        yield Chunk(self.infer(request, call).outputs)

    def close(self) -> None:
        """Nothing to give back."""


def why_not(
    function: Callable[[Array], Array], dtype: DType = DType.FP32, shape: tuple[int | None, ...] = (None, 2)
) -> str | None:
    model = Computed(function, dtype, shape)
    return disagreement(model, model.signature)


def test_a_function_of_each_row_agrees() -> None:
    assert why_not(lambda x: x * 2 + 1) is None
    assert why_not(lambda x: x, DType.BYTES, (None,)) is None
    assert why_not(lambda x: x @ np.ones((2, 3), np.float32)) is None


def test_a_transpose_or_a_mean_over_the_rows_does_not() -> None:
    for function in (np.transpose, lambda x: x - x.mean(axis=0), lambda x: x.sum(axis=0)):
        assert why_not(function) == 'output "y" of 3 rows together is not that of each row alone'


def test_a_fixed_first_dimension_cannot_be_joined() -> None:
    assert why_not(lambda x: x, shape=(1, 2)) == 'input "x" has no open first dimension'


def test_a_model_that_refuses_the_trial_is_not_joined() -> None:
    def refuse(_: Array) -> Array:
        raise invalid("x must be a date")

    assert why_not(refuse) == "it could not be tried: x must be a date"
