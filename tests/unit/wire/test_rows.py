import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.core.errors import Code, DragomanError
from dragoman.core.images import ImageSpec
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import DType
from dragoman.wire.elements import MAX_RANK
from dragoman.wire.rows import read_columns, read_rows


def signature(**dtypes: DType) -> Signature:
    inputs = {name: TensorSpec(name, dtype, None, name) for name, dtype in dtypes.items()}
    return Signature("serving_default", inputs, {})


def fault(read: Any, value: Any, **dtypes: DType) -> str:
    with pytest.raises(DragomanError) as caught:
        read(value, signature(**dtypes))
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


def in_row(index: int, message: str, key: str = "") -> str:
    return f"Failed to process element: {index}{key} of 'instances' list. Error: INVALID_ARGUMENT: {message}"


TOO_DEEP = f"a tensor may have at most {MAX_RANK} dimensions"
ELEMENTS = {
    DType.BOOL: st.booleans(),
    DType.BYTES: st.text(max_size=3).map(lambda text: text.encode("utf-8", "replace").decode()),
    DType.FP16: st.floats(width=16, allow_nan=False),
    DType.BF16: st.integers(-256, 256),
    DType.FP32: st.floats(width=32, allow_nan=False) | st.integers(-(2**24), 2**24),
    DType.FP64: st.floats(allow_nan=False) | st.integers(-(2**53), 2**53),
} | {
    dtype: st.integers(int(np.iinfo(dtype.numpy).min), int(np.iinfo(dtype.numpy).max))
    for dtype in DType
    if dtype.is_integer
}


@st.composite
def nests(draw: st.DrawFn) -> tuple[DType, list[int], list[Any], Any]:
    """An element type, a shape, flat elements and the same nested."""
    dtype = draw(st.sampled_from(list(DType)))
    shape = draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))
    flat = draw(st.lists(ELEMENTS[dtype], min_size=math.prod(shape), max_size=math.prod(shape)))
    nested = np.empty(shape, np.object_)
    nested.reshape(-1)[:] = flat
    return dtype, shape, flat, nested.tolist()


@given(nests())
def test_a_regular_nest_becomes_an_array_of_its_shape(nest: tuple[DType, list[int], list[Any], Any]) -> None:
    dtype, shape, flat, nested = nest
    tensor = read_columns({"x": nested}, signature(x=dtype))["x"]
    kept = shape[: shape.index(0) + 1] if 0 in shape else shape  # below an empty list there is nothing to see
    assert list(tensor.array.shape) == kept
    assert tensor.array.dtype == dtype.numpy
    assert tensor.array.flags.c_contiguous
    expected = [value.encode() for value in flat] if dtype is DType.BYTES else flat
    assert tensor.array.reshape(-1).tolist() == expected


@given(nests())
def test_rows_named_or_not_and_columns_give_the_same_tensor(
    nest: tuple[DType, list[int], list[Any], Any],
) -> None:
    dtype, _, _, nested = nest
    if not nested:
        return
    column = read_columns(nested, signature(x=dtype))["x"].array
    plain = read_rows(nested, signature(x=dtype))["x"].array
    named = read_rows([{"x": row} for row in nested], signature(x=dtype))["x"].array
    assert column.shape == plain.shape == named.shape
    assert column.tolist() == plain.tolist() == named.tolist()


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-300, 300) | st.floats() | st.sampled_from(["", "a", "YQ=="]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "b64"]), inner, max_size=2)
    ),
    max_leaves=8,
)


@given(JUNK, st.sampled_from(list(DType)))
def test_any_tree_is_read_or_refused_with_an_error_of_ours(tree: Any, dtype: DType) -> None:
    for read in (read_rows, read_columns):
        for specs in (signature(x=dtype), signature(x=dtype, y=dtype)):
            try:
                tensors = read(tree, specs)
            except DragomanError:
                continue
            assert tensors["x"].array.dtype == dtype.numpy


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"x": "1.0"}, 'JSON Value: "1.0" Type: String is not of expected type: float'),
        ({"x": [1, True]}, "JSON Value: true Type: True is not of expected type: float"),
        ({"x": None}, "JSON Value: null Type: Null is not of expected type: float"),
        ({"x": [{"b64": "YQ=="}]}, 'JSON Value: {"b64":"YQ=="} Type: Object is not of expected type: float'),
        ({"x": [[1, 2], [3]]}, "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
        ({"x": [1, [2]]}, "Encountered list at unexpected level: 1 expected < 1"),
        (
            {"x": [[1, 2], 3]},
            "JSON Value: 3 found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
        ),
        ({"x": [[], [[]]]}, "Encountered list at unexpected size: 1 at level: 1 expected size: 0"),
        ({"x": [[[1], [2]], [[3], ["x"]]]}, 'JSON Value: "x" Type: String is not of expected type: float'),
        ({"zzz": 1}, "Missing named input: x in 'inputs' object."),
        ({}, "Missing named input: x in 'inputs' object."),
        ({"b64": 5}, "Missing named input: x in 'inputs' object."),
    ],
)
def test_columns_are_refused_in_the_references_words(value: Any, message: str) -> None:
    assert fault(read_columns, value, x=DType.FP32) == message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "JSON Value: null Expecting 'instances' to be an list/array"),
        ([], "JSON Value: [] No values in 'instances' array"),
        (["a"], in_row(0, 'JSON Value: "a" Type: String is not of expected type: int32')),
        ([1, 2, 1.5], in_row(2, "JSON Value: 1.5 Type: Number is not of expected type: int32")),
        ([1, 2**31], in_row(1, "JSON Value: 2147483648 Type: Number is not of expected type: int32")),
        ([[1, 2], [3, 4], [5, 6, 7]], in_row(2, "Expecting tensor size: 2 but got: 3")),
        ([[1, 2], [[1, 2]]], in_row(1, "Expecting shape [2] but got: [1,2]")),
        ([1, [2, 3]], in_row(1, "Expecting tensor size: 1 but got: 2")),
        ([[[1, 2], [3]]], in_row(0, "Encountered list at unexpected size: 1 at level: 1 expected size: 2")),
        ([1, {"x": 1}], "Expecting value/list but got object at item 1 of input list"),
        ([{"x": 1}, 2], "Expecting object but got list at item 1 of input list"),
        ([{"x": 1}, {"b64": "YQ=="}], "Expecting object but got list at item 1 of input list"),
        ([{"zzz": 1}], in_row(0, "JSON object: does not have named input: zzz", " key: zzz")),
        (
            [{"x": 1}, {}],
            "Failed to process element: 1 of 'instances' list. JSON object: {} keys must be equal to: x",
        ),
        (
            [{"x": 1}, {"x": "a"}],
            in_row(1, 'JSON Value: "a" Type: String is not of expected type: int32', " key: x"),
        ),
        ([{"x": [1]}, {"x": [1, 2]}], in_row(1, "Expecting tensor size: 1 but got: 2", " key: x")),
        ([{"b64": 5}], in_row(0, "JSON object: does not have named input: b64", " key: b64")),
    ],
)
def test_rows_are_refused_in_the_references_words(value: Any, message: str) -> None:
    assert fault(read_rows, value, x=DType.INT32) == message


def test_a_row_that_lacks_an_input_names_all_of_them_sorted() -> None:
    rows = [{"tag": "a", "signal": 1, "sensor": 2}, {"tag": "b", "signal": 1}]
    message = fault(read_rows, rows, tag=DType.BYTES, signal=DType.INT64, sensor=DType.INT64)
    assert message.endswith(
        'element: 1 of \'instances\' list. JSON object: {"tag":"b","signal":1} keys must be equal to: '
        "sensor,signal,tag"
    )


def test_a_plain_value_for_several_inputs_is_refused() -> None:
    several = {"a": DType.FP32, "b": DType.FP32}
    assert fault(read_rows, [1], **several).startswith(
        "instances is a plain list, but expecting list of objects"
    )
    assert fault(read_columns, [1], **several).startswith(
        "inputs is a plain value/list, but expecting an object"
    )


def test_columns_may_hold_names_that_the_signature_lacks() -> None:
    assert read_columns({"x": 1, "zzz": ["?"]}, signature(x=DType.FP32))["x"].array.shape == ()


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        (DType.UINT8, 300),
        (DType.UINT8, -1),
        (DType.INT8, 128),
        (DType.INT16, 2**15),
        (DType.UINT16, 2**16),
        (DType.UINT32, 2**32),
        (DType.UINT32, -1),
        (DType.UINT64, -1),
        (DType.INT64, 2**63),
        (DType.INT64, 1.0),
        (DType.FP16, 70000.0),
        (DType.FP16, "1"),
        (DType.BF16, 1e39),
        (DType.BOOL, 1),
        (DType.BOOL, "true"),
        (DType.BYTES, 1),
    ],
)
def test_what_a_type_cannot_hold_is_refused_and_not_wrapped(dtype: DType, value: Any) -> None:
    assert "is not of expected type" in fault(read_columns, [value], x=dtype)


def test_doubles_beyond_float32_become_infinities_and_small_ones_zero() -> None:
    tensor = read_columns([1e39, -1e39, 1e-60, math.nan, math.inf], signature(x=DType.FP32))["x"]
    assert np.array_equal(tensor.array, [math.inf, -math.inf, 0, math.nan, math.inf], equal_nan=True)


@pytest.mark.parametrize("dtype", [DType.FP16, DType.BF16])
def test_narrow_floats_take_nan_and_infinities(dtype: DType) -> None:
    tensor = read_columns([1.5, math.nan, -math.inf], signature(x=dtype))["x"]
    assert np.array_equal(tensor.array.astype(np.float32), [1.5, math.nan, -math.inf], equal_nan=True)


def test_texts_and_base64_objects_mix() -> None:
    rows = ["é\0", {"b64": "/9g="}, {"b64": ""}]
    assert read_rows(rows, signature(x=DType.BYTES))["x"].array.tolist() == ["é\0".encode(), b"\xff\xd8", b""]
    assert read_columns({"b64": "/9g="}, signature(x=DType.BYTES))["x"].array[()] == b"\xff\xd8"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([{"b64": "_-_-"}], "Unable to base64 decode"),
        ([["a"], [{"b64": 5}]], 'JSON Value: {"b64":5} not formatted correctly for base64 data'),
        ([["a"], [{}]], "JSON Value: {} not formatted correctly for base64 data"),
        (["a", 1], "JSON Value: 1 Type: Number is not of expected type: string"),
    ],
)
def test_what_is_no_text_is_refused(value: Any, message: str) -> None:
    assert fault(read_columns, value, x=DType.BYTES) == message


def test_an_input_that_is_called_b64_takes_objects_but_not_texts_under_its_name() -> None:
    named = signature(b64=DType.INT64)
    assert read_rows([{"b64": 1}, {"b64": 2}], named)["b64"].array.tolist() == [1, 2]
    message = fault(read_rows, [{"b64": 1}, {"b64": "YQ=="}], b64=DType.INT64)
    assert message == "Expecting object but got list at item 1 of input list"


@pytest.mark.parametrize("depth", [MAX_RANK, 2000, 100_000])
def test_too_many_dimensions_are_refused_without_recursion(depth: int) -> None:
    value: Any = 1.0
    for _ in range(depth):
        value = [value]
    assert fault(read_columns, [value], x=DType.FP32).startswith(
        f"a tensor may have at most {MAX_RANK} dimensions"
    )
    assert f"a tensor may have at most {MAX_RANK} dimensions" in fault(read_rows, [value], x=DType.FP32)


def test_the_first_fault_of_a_large_value_is_found() -> None:
    rows: list[Any] = [[float(column) for column in range(100)] for _ in range(2000)]
    rows[1234][56] = rows[1500][1] = "x"
    assert fault(read_rows, rows, x=DType.FP32).startswith("Failed to process element: 1234 of")
    rows[77] = []
    message = fault(read_columns, rows, x=DType.FP32)
    assert message == "Encountered list at unexpected size: 0 at level: 1 expected size: 100"


def test_a_million_empty_lists_are_a_tensor_without_elements() -> None:
    rows: Any = [[] for _ in range(1_000_000)]
    assert read_rows(rows, signature(x=DType.FP32))["x"].array.shape == (1_000_000, 0)


@pytest.mark.parametrize(
    ("switch", "shape", "value", "expected"),
    [
        (True, (None, 1), [1, 2], (2, 1)),
        (True, (None, 1), [[1], [2]], (2, 1)),
        (True, (None, 2), [1, 2], (2,)),
        (True, (None,), [1, 2], (2,)),
        (True, None, [1, 2], (2,)),
        (False, (None, 1), [1, 2], (2,)),
    ],
)
def test_a_switch_lets_plain_rows_feed_an_input_with_one_column(
    switch: bool, shape: Any, value: Any, expected: tuple[int, ...]
) -> None:
    inputs = {"x": TensorSpec("x", DType.FP32, shape, "x")}
    found = Signature("serving_default", inputs, {}, add_trailing_axis=switch)
    assert read_rows(value, found)["x"].array.shape == expected
    assert read_columns(value, found)["x"].array.shape == expected
    named = read_rows(json.loads(json.dumps([{"x": row} for row in value])), found)
    assert named["x"].array.shape == expected


# Encoded images

PICTURE = TensorSpec("x", DType.FP32, (None, 2, 2, 3), "x", image=ImageSpec(DType.FP32, None, 2, 2, 3))
LEVEL = TensorSpec("level", DType.FP32, (None,), "level")
FILE = {"b64": "/9g="}
DATA = b"\xff\xd8"


def pictures(read: Any, value: Any, *specs: TensorSpec, images: bool = True) -> Any:
    inputs = {spec.name: spec for spec in specs or (PICTURE,)}
    return read(value, Signature("serving_default", inputs, {}), images=images)


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (read_rows, [FILE, FILE], [DATA, DATA]),
        (read_rows, [{"x": FILE}], [DATA]),
        (read_columns, {"x": FILE}, DATA),
        (read_columns, {"x": [FILE, FILE]}, [DATA, DATA]),
        (read_columns, FILE, DATA),
        (read_columns, [FILE], [DATA]),
    ],
)
def test_encoded_images_become_byte_strings_for_an_input_that_takes_them(
    read: Any, value: Any, expected: Any
) -> None:
    tensor = pictures(read, value)["x"]
    assert (tensor.dtype, tensor.array.tolist()) == (DType.BYTES, expected)
    for spec in (PICTURE, LEVEL):
        with pytest.raises(DragomanError, match="is not of expected type: float"):
            pictures(read, value, replace(spec, name="x"), images=spec is LEVEL)


def test_images_stand_beside_numbers_for_other_inputs() -> None:
    tensors = pictures(read_rows, [{"x": FILE, "level": 1.5}, {"x": FILE, "level": 2}], PICTURE, LEVEL)
    assert {name: tensor.array.tolist() for name, tensor in tensors.items()} == {
        "x": [DATA, DATA],
        "level": [1.5, 2.0],
    }


def test_pixels_in_numbers_are_numbers() -> None:
    tensor = pictures(read_rows, [[[[1, 2, 3]]]])["x"]
    assert (tensor.dtype, tensor.array.shape) == (DType.FP32, (1, 1, 1, 3))


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        (read_rows, [{"b64": "%"}], in_row(0, "Unable to base64 decode")),
        (read_rows, [FILE, {"b64": "%"}], in_row(1, "Unable to base64 decode")),
        (read_rows, [{"x": FILE}, {"x": {"b64": "%"}}], in_row(1, "Unable to base64 decode", " key: x")),
        (read_columns, {"x": [FILE, {"b64": "%"}]}, "Unable to base64 decode"),
        (read_columns, {"x": [FILE, 7]}, "JSON Value: 7 Type: Number is not of expected type: string"),
        (
            read_columns,
            {"x": [1.5, FILE]},
            'JSON Value: {"b64":"/9g="} Type: Object is not of expected type: float',
        ),
        (read_columns, {"x": ["text"]}, 'JSON Value: "text" Type: String is not of expected type: float'),
    ],
)
def test_what_is_wrong_among_images_is_told_as_among_texts(read: Any, value: Any, message: str) -> None:
    with pytest.raises(DragomanError) as caught:
        pictures(read, value)
    assert message in caught.value.message
