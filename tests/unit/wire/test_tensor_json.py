import json
import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import DragomanError
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import BY_NUMPY, DType, Tensor
from dragoman.wire.json_tree import load
from dragoman.wire.rows import read_columns
from dragoman.wire.tensor_json import write_columns, write_rows


def tensor(values: Any, dtype: DType = DType.FP32) -> Tensor:
    return Tensor(dtype, np.array(values, dtype.numpy))


def texts(*values: bytes) -> Tensor:
    array = np.empty(len(values), np.object_)
    array[:] = values
    return Tensor(DType.BYTES, array)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([3.0, 0.1, 9e6, 3e-5], "[3.0,0.1,9000000.0,0.00003]"),
        ([555557.5, 16777216, 0.0003], "[555557.5,16777216.0,0.0003]"),
        ([1e16, 1e-7, 3.4028235e38], "[1e+16,1e-7,3.4028235e+38]"),
        ([-0.0, 1e-45], "[-0.0,1e-45]"),
        ([math.nan, 1.5, math.inf, -math.inf, 2], "[NaN,1.5,Infinity,-Infinity,2.0]"),
        ([[math.nan], [1]], "[[NaN],[1.0]]"),
        ([], "[]"),
        ([[], []], "[[],[]]"),
        (2.5, "2.5"),
        (math.nan, "NaN"),
    ],
)
def test_float32_has_its_own_shortest_digits(values: Any, text: str) -> None:
    assert write_columns({"y": tensor(values)}).decode() == text


@pytest.mark.parametrize("dtype", [dtype for dtype in DType if dtype is not DType.BYTES])
@given(data=st.data())
def test_every_number_reads_back_as_it_was(dtype: DType, data: st.DataObject) -> None:
    raw = data.draw(st.binary(min_size=16, max_size=16))
    array = np.frombuffer(raw, np.bool_ if dtype is DType.BOOL else dtype.numpy)
    if dtype is DType.BOOL:
        array = np.frombuffer(raw, np.uint8) > 127
    written = write_columns({"y": Tensor(dtype, array.reshape(2, -1))})
    spec = {"y": TensorSpec("y", dtype, None, "y")}
    read = read_columns(load(written, 100), Signature("s", spec, {}))["y"].array
    with np.errstate(invalid="ignore"):  # a signalling NaN, which a cast makes quiet
        assert np.array_equal(read.reshape(-1).astype(np.float64), array.astype(np.float64), equal_nan=True)
    if dtype.is_integer:
        assert read.reshape(-1).tolist() == array.tolist()


@given(st.floats())
def test_every_double_reads_back_exactly(value: float) -> None:
    text = write_columns({"y": tensor([value], DType.FP64)}).decode()
    (read,) = json.loads(text)
    assert read == value or (math.isnan(read) and math.isnan(value))
    assert any(mark in text for mark in (".", "e", "N", "I"))


def test_integers_keep_all_64_bits() -> None:
    assert write_rows({"y": tensor([2**64 - 1], DType.UINT64)}) == b"[18446744073709551615]"
    assert write_rows({"y": tensor([-(2**63)], DType.INT64)}) == b"[-9223372036854775808]"


def test_narrow_floats_and_booleans_are_written() -> None:
    assert write_rows({"y": tensor([1.5, math.nan], DType.FP16)}) == b"[1.5,NaN]"
    assert write_rows({"y": tensor([1.5, math.inf], DType.BF16)}) == b"[1.5,Infinity]"
    assert write_rows({"y": tensor([True, False], DType.BOOL)}) == b"[true,false]"
    assert BY_NUMPY[np.dtype(ml_dtypes.bfloat16)] is DType.BF16


def test_an_array_need_not_be_contiguous() -> None:
    assert write_columns({"t": Tensor(DType.FP32, np.arange(6, dtype=np.float32).reshape(2, 3).T)}) == (
        b"[[0.0,3.0],[1.0,4.0],[2.0,5.0]]"
    )


def test_texts_are_written_raw_and_bytes_as_base64_by_the_outputs_name() -> None:
    assert write_rows({"y": texts(b"a\0b", "é".encode())}) == '["a\\u0000b","é"]'.encode()
    assert write_rows({"y_bytes": texts(b"hello")}) == b'[{"b64":"aGVsbG8="}]'
    assert write_columns({"y": texts(b"\xff\xd8", b"ok")}) == b'[{"b64":"/9g="},"ok"]'


def test_texts_of_any_rank_are_nested() -> None:
    array = texts(b"a", b"b", b"c", b"d").array
    assert write_columns({"y": Tensor(DType.BYTES, array.reshape(2, 1, 2))}) == b'[[["a","b"]],[["c","d"]]]'
    assert write_columns({"y": Tensor(DType.BYTES, array[0:1].reshape(()))}) == b'"a"'
    assert write_columns({"y": Tensor(DType.BYTES, array[:0].reshape(2, 0))}) == b"[[],[]]"
    assert write_columns({"y_bytes": Tensor(DType.BYTES, array[:2].reshape(2, 1))}) == (
        b'[[{"b64":"YQ=="}],[{"b64":"Yg=="}]]'
    )


def test_several_outputs_are_an_object_by_column_and_an_object_per_row_by_row() -> None:
    outputs = {"sum": tensor([3, 8]), "50%": tensor([[1, 2], [3, math.nan]]), "tag": texts(b"a", b"b")}
    assert write_columns(outputs) == b'{"sum":[3.0,8.0],"50%":[[1.0,2.0],[3.0,NaN]],"tag":["a","b"]}'
    assert write_rows(outputs) == (
        b'[{"sum":3.0,"50%":[1.0,2.0],"tag":"a"},{"sum":8.0,"50%":[3.0,NaN],"tag":"b"}]'
    )


def test_no_rows_are_an_empty_list() -> None:
    assert write_rows({"a": tensor([])}) == b"[]"
    assert write_rows({"a": tensor([]), "b": tensor(np.empty((0, 3)))}) == b"[]"


def test_an_output_without_rows_cannot_be_written_by_row() -> None:
    with pytest.raises(DragomanError, match=r"^Tensor name: y has no shape information $"):
        write_rows({"y": tensor(1.0)})


def test_outputs_with_unequal_rows_cannot_be_written_by_row() -> None:
    with pytest.raises(DragomanError, match=r"^Tensor name: b has inconsistent batch size: 1 expecting: 2$"):
        write_rows({"a": tensor([1, 2]), "b": tensor([1])})
