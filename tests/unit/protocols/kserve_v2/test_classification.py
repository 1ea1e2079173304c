from typing import Any, Final

import numpy as np
import pytest

from dragoman.core.tensors import Array, DType, Tensor
from dragoman.wire.v2.classification import classify
from tests.unit.protocols.kserve_v2.calls import answered, infer, refused, request, tensor
from tests.unit.protocols.tfs.reference import spec

ROWS: Final = spec("y", DType.FP32, (None, None))


def top(
    values: Any, classes: int = 2, shape: tuple[int | None, ...] | None = (None, None), labels: Any = ()
) -> Any:
    array: Array = np.asarray(values)
    dtype = DType.FP32 if array.dtype.kind == "f" else DType.INT64
    found = classify(Tensor(dtype, array), classes, spec("y", dtype, shape), labels)
    assert found.dtype is DType.BYTES
    return found.array.tolist()


def test_the_highest_values_of_each_row_come_first() -> None:
    values = np.array([[1.1, 3.3, 0.5], [0.0, -1.0, 7.25]], np.float32)
    assert top(values) == [[b"3.300000:1", b"1.100000:0"], [b"7.250000:2", b"0.000000:0"]]


def test_the_first_of_equal_values_comes_first() -> None:
    assert top([[5, 7, 7, 5]], 4) == [[b"7:1", b"7:2", b"5:0", b"5:3"]]


def test_what_is_not_a_number_comes_last() -> None:
    assert top(np.array([[np.nan, 1.0, -np.inf]], np.float32), 3) == [[b"1.000000:1", b"nan:0", b"-inf:2"]]


def test_more_classes_than_there_are_gives_all() -> None:
    assert top([[2, 1]], 9) == [[b"2:0", b"1:1"]]


def test_labels_follow_where_there_are_some() -> None:
    assert top([[1, 3, 2]], 3, labels=("cat", "caf\u00e9")) == [[b"3:1:caf\xc3\xa9", b"2:2", b"1:0:cat"]]


@pytest.mark.parametrize(
    ("shape", "spec_shape", "found"),
    [
        ((4,), (None,), (2,)),
        ((2, 4), (2, 4), (2,)),
        ((2, 4), None, (2, 2)),
        ((2, 2, 2), (None, 2, 2), (2, 2)),
        ((0, 4), (None, 4), (0, 2)),
        ((3, 0), (None, None), (3, 0)),
        ((), None, (1,)),
    ],
)
def test_rows_are_those_of_a_first_size_that_is_open(
    shape: tuple[int, ...], spec_shape: tuple[int | None, ...] | None, found: tuple[int, ...]
) -> None:
    answer = classify(
        Tensor(DType.INT32, np.zeros(shape, np.int32)), 2, spec("y", DType.INT32, spec_shape), ()
    )
    assert answer.array.shape == found


@pytest.mark.parametrize("binary", [False, True])
def test_a_classification_is_an_output_of_texts(binary: bool) -> None:
    wanted = {"name": "y", "parameters": {"classification": 1, "binary_data": binary}}
    document = request(tensor(shape=[1, 4], data=[1.1, 3.3, 0.5, 2.4]), outputs=[wanted])
    if binary:
        assert bytes(infer(document).body).endswith(b"\x0a\0\0\x003.300000:1")
    else:
        (output,) = answered(document)["outputs"]
        assert output == {"name": "y", "datatype": "BYTES", "shape": [1, 1], "data": ["3.300000:1"]}


@pytest.mark.parametrize(
    ("datatype", "model", "value"),
    [("FP16", "float16", 1.0), ("BF16", "bfloat16", 1.0), ("BOOL", "bool", True), ("BYTES", "string", "a")],
)
def test_what_has_no_order_is_refused(datatype: str, model: str, value: Any) -> None:
    wanted = {"name": "y", "parameters": {"classification": 1}}
    document = request(tensor(datatype=datatype, data=[value]), outputs=[wanted])
    assert refused(document, f"echo_{model}") == (
        f"output 'y' is of type {datatype}, for which there is no classification"
    )
