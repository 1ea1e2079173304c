"""The options of the torch engine."""

from typing import Any

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.tensors import DType
from dragoman.engines.options import read_options
from dragoman.engines.torch.options import (
    SMALL_MODEL_BYTES,
    TorchOptions,
    check,
    declared_signature,
    threads_of,
)


def read(**options: Any) -> TorchOptions:
    chosen = read_options(options, TorchOptions, "torch")
    check(chosen)
    declared_signature(chosen)
    return chosen


def test_what_is_declared_is_the_signature() -> None:
    signature = declared_signature(
        read(inputs={"x": {"dtype": "float16", "shape": [None, 3]}}, outputs={"y": {"dtype": "int64"}})
    )
    assert not signature.untyped
    assert (signature.inputs["x"].dtype, signature.inputs["x"].shape) == (DType.FP16, (None, 3))
    assert (signature.outputs["y"].dtype, signature.outputs["y"].shape) == (DType.INT64, None)


def test_a_small_model_computes_in_one_thread_unless_it_is_told_otherwise() -> None:
    assert threads_of(read(), SMALL_MODEL_BYTES - 1) == 1
    assert threads_of(read(), SMALL_MODEL_BYTES) == 0
    assert threads_of(read(threads=3), 1) == threads_of(read(threads=3), SMALL_MODEL_BYTES) == 3


def test_where_nothing_is_declared_any_tensors_are_taken() -> None:
    assert declared_signature(read()).untyped


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": -1}, "options.threads: a number of threads is 0 or more"),
        ({"concurrency": 0}, "options.concurrency: it is a number from 1 to 16"),
        ({"concurrency": 17}, "options.concurrency: it is a number from 1 to 16"),
        ({"inputs": {"x": {"dtype": "float32"}}}, "options.outputs: it has to be declared, too"),
        ({"outputs": {"y": {"dtype": "float32"}}}, "options.inputs: it has to be declared, too"),
        ({"inputs": {"x": {"dtype": "float3"}}}, "options.inputs[...].dtype: Invalid enum value 'float3'"),
        ({"inputs": {"x": {"type": "int8"}}}, "options.inputs[...]: Object "),
        (
            {"inputs": {"x": {"dtype": "bytes"}}, "outputs": {"y": {"dtype": "int8"}}},
            "options.inputs.x.dtype: PyTorch has no tensors of bytes",
        ),
        (
            {"inputs": {"x": {"dtype": "int8", "shape": [-1]}}, "outputs": {"y": {"dtype": "int8"}}},
            "options.inputs.x.shape: a size is 0 or more, or null for any",
        ),
        ({"clas_name": "Net"}, "options.clas_name: the engine torch has no such option; did you mean"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DragomanError) as caught:
        read(**options)
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.message.startswith(message)
