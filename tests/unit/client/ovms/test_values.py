"""What callers give, as arrays."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from dragoman.client.ovms.values import given_array, shown_texts
from dragoman.core.tensors import Array
from dragoman.wire.tensor_proto import objects


@pytest.mark.parametrize(
    ("value", "dtype", "shape"),
    [
        (1.5, "float32", (1,)),
        (1, "int32", (1,)),
        (2**40, "int64", (1,)),
        (2**63, "uint64", (1,)),
        (True, "bool", (1,)),
        (np.float64(1), "float32", (1,)),
        (np.float16(1), "float16", (1,)),
        (1 + 2j, "complex128", (1,)),
        ([], "float32", (0,)),
        ([[1, 2], [3, 4]], "int32", (2, 2)),
        ([1, 2**40], "int64", (2,)),
        ([1, 2.5], "float32", (2,)),
        ([1e300], "float32", (1,)),
        (np.array([1.5]), "float64", (1,)),
        (np.array(1, np.int64), "int64", ()),
        (np.array([1.5], ml_dtypes.bfloat16), "bfloat16", (1,)),
        (np.array([1.5], ">f4"), "float32", (1,)),
        ("one", "object", (1,)),
        ([["one", "two"]], "object", (1, 2)),
        (np.array(["one"]), "object", (1,)),
    ],
)
def test_values_have_these_types(value: Any, dtype: str, shape: tuple[int, ...]) -> None:
    array = given_array(value)
    assert (array.dtype.name, array.shape) == (dtype, shape)


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        ("one\0", [b"one\0"]),
        (b"one\0\0", [b"one\0\0"]),
        ([b"one\0", b"two"], [b"one\0", b"two"]),
        (["\N{SNOWMAN}"], ["\N{SNOWMAN}".encode()]),
        ([1, "a"], [b"1", b"a"]),
        ([b"a", "b"], [b"a", b"b"]),
        (np.array([b"one", "two"], object), [b"one", b"two"]),
        (np.array([b"one", b"three"]), [b"one", b"three"]),
    ],
)
def test_texts_are_kept_whole(value: Any, elements: list[bytes]) -> None:
    assert given_array(value).tolist() == elements


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, TypeError),
        ((1.0,), TypeError),
        ({"x": 1}, TypeError),
        (np.datetime64("2020-01-01"), TypeError),
        (np.array([None], object), TypeError),
        ([[1.0], [1.0, 2.0]], ValueError),
        ([None], ValueError),
        ([2**70], ValueError),
        ("\ud800", UnicodeEncodeError),
    ],
)
def test_what_no_tensor_holds_is_refused(value: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        given_array(value)


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (objects([b"one", b"three"]), "bytes40"),
        (objects([b"one", b"two\0"]), "object"),
        (objects([]), "bytes8"),
    ],
)
def test_bytes_are_shown_in_numpys_own_type_where_it_holds_them(array: Array, dtype: str) -> None:
    shown = shown_texts(array)
    assert shown.dtype.name == dtype
    assert shown.tolist() == array.tolist()
