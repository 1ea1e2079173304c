"""Python models called in this process."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import structlog
from msgspec.structs import replace

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor
from dragoman.engines.python_model.declaration import declared_answers
from dragoman.engines.python_model.model import PythonModel, with_call

SIGNATURE = Signature(
    DEFAULT_SIGNATURE,
    {"x": TensorSpec("x", DType.INT64, None, "x")},
    {"y": TensorSpec("y", DType.INT64, None, "y")},
)
Inputs = Mapping[str, Any]


def loaded(model: object) -> PythonModel:
    signature = replace(SIGNATURE, answers=declared_answers(model))
    return PythonModel(model, signature, 1, "model m version 1")


def ask(*values: int) -> TensorRequest:
    return TensorRequest(DEFAULT_SIGNATURE, {"x": Tensor(DType.INT64, np.array(values, np.int64))})


def answer(model: object, *values: int) -> Any:
    return loaded(model).infer(ask(*values), CallContext("id")).outputs["y"].array.tolist()


def parts(model: object, *values: int, call: CallContext | None = None) -> list[Any]:
    chunks = loaded(model).stream(ask(*values), call or CallContext("id"))
    return [chunk.outputs["y"].array.tolist() for chunk in chunks]


class Plain:
    def predict(self, inputs: Inputs) -> Inputs:
        return {"y": inputs["x"] + 1}


class Parts:
    def __init__(self) -> None:
        self.closed = 0

    def predict(self, inputs: Inputs) -> Iterator[Inputs]:
        try:
            for value in inputs["x"]:
                yield {"y": [value]}
        finally:
            self.closed += 1


class Both(Plain):
    def stream(self, inputs: Inputs, call: CallContext) -> Iterator[Inputs]:
        yield {"y": [7]}
        assert not call.cancelled
        yield {"y": [8]}


class Raises:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def predict(self, inputs: Inputs) -> Inputs:
        raise self.error


def refused(error: Exception) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        answer(Raises(error), 1)
    return caught.value


def test_predict_takes_and_gives_arrays_by_name() -> None:
    assert answer(Plain(), 1, 2) == [2, 3]


def test_predict_may_take_the_call_as_well() -> None:
    seen: list[CallContext] = []

    class Curious:
        def predict(self, inputs: Inputs, call: CallContext) -> Inputs:
            seen.append(call)
            return {"y": inputs["x"]}

    answer(Curious(), 1)
    assert seen[0].request_id == "id"


@pytest.mark.parametrize("method", [lambda: None, lambda a, b, c: None])
def test_a_method_of_other_arguments_is_refused(method: Any) -> None:
    with pytest.raises(DragomanError, match="it has to take inputs, or inputs and call"):
        with_call(method, "predict")


def test_a_model_without_a_generator_streams_one_part() -> None:
    assert parts(Plain(), 1, 2) == [[2, 3]]


def test_a_generator_streams_its_parts_and_they_are_joined_for_a_call() -> None:
    assert parts(Parts(), 1, 2, 3) == [[1], [2], [3]]
    assert answer(Parts(), 1, 2, 3) == [1, 2, 3]


def test_a_model_may_have_both_predict_and_stream() -> None:
    assert answer(Both(), 1) == [2]
    assert parts(Both(), 1) == [[7], [8]]


def test_a_cancelled_stream_ends_and_its_generator_is_closed() -> None:
    model = Parts()
    assert parts(model, 1, 2, 3, call=CallContext("id", cancelled=True)) == [[1]]
    assert model.closed == 1


def test_parts_that_cannot_be_joined_are_an_error_that_names_the_output() -> None:
    class Scalars:
        def predict(self, inputs: Inputs) -> Iterator[Inputs]:
            yield {"y": 1}
            yield {"y": 2}

    with pytest.raises(DragomanError, match='output "y" cannot be joined') as caught:
        answer(Scalars(), 1)
    assert caught.value.code is Code.INTERNAL


def test_a_value_error_is_told_to_the_caller_in_full_up_to_a_length() -> None:
    assert (refused(ValueError("x is odd")).code, refused(ValueError("x is odd")).message) == (
        Code.INVALID_ARGUMENT, "x is odd",
    )  # fmt: skip
    assert refused(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")).code is Code.INVALID_ARGUMENT
    assert refused(ValueError()).message == "model m version 1 refuses these inputs"
    assert len(refused(ValueError("x" * 10_000)).message) == 1000


def test_another_error_is_told_to_the_log_alone() -> None:
    with structlog.testing.capture_logs() as logs:
        error = refused(RuntimeError("secret"))
    assert (error.code, error.message) == (
        Code.INTERNAL, "model m version 1 failed while it ran this request; the server's log tells more",
    )  # fmt: skip
    assert isinstance(logs[0]["exc_info"], RuntimeError)


def test_an_error_of_ours_passes() -> None:
    assert refused(DragomanError(Code.NOT_FOUND, "no such word")).code is Code.NOT_FOUND


def test_an_error_in_a_stream_is_turned_too() -> None:
    class Breaks:
        def predict(self, inputs: Inputs) -> Iterator[Inputs]:
            yield {"y": [1]}
            raise ValueError("enough")

    chunks = loaded(Breaks()).stream(ask(1), CallContext("id"))
    next(chunks)
    with pytest.raises(DragomanError, match="enough") as caught:
        next(chunks)
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_closing_closes_the_model_once_and_refuses_calls() -> None:
    closed: list[int] = []

    class Closes(Plain):
        def close(self) -> None:
            closed.append(1)

    model = loaded(Closes())
    model.close()
    model.close()
    assert closed == [1]
    with pytest.raises(DragomanError) as caught:
        model.infer(ask(1), CallContext("id"))
    assert caught.value.code is Code.UNAVAILABLE
