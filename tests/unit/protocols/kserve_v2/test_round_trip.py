"""What a client sends comes back bit for bit from a model that echoes it, whichever form each way takes."""

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.tensors import Array, DType
from dragoman.wire.datatypes import DATATYPES
from tests.unit.protocols.kserve_v2.calls import infer, request, tensor


def arrays(dtype: DType) -> st.SearchStrategy[Array]:
    """Arrays of all bits that there are, of up to three dimensions."""
    shapes = st.lists(st.integers(0, 4), max_size=3)
    return shapes.flatmap(lambda shape: filled(dtype, shape))


def filled(dtype: DType, shape: list[int]) -> st.SearchStrategy[Array]:
    count = int(np.prod(shape, dtype=np.int64))
    if dtype is DType.BYTES:
        texts = st.lists(st.text(max_size=8).map(str.encode), min_size=count, max_size=count)
        return texts.map(lambda found: np.array([*found, None], np.object_)[:-1].reshape(shape))
    if dtype is DType.BOOL:
        truths = st.lists(st.booleans(), min_size=count, max_size=count)
        return truths.map(lambda found: np.array(found, np.bool_).reshape(shape))
    size = count * dtype.numpy.itemsize
    return st.binary(min_size=size, max_size=size).map(
        lambda data: np.frombuffer(data, dtype.numpy).reshape(shape)
    )


def listed(array: Array) -> list[Any]:
    """The elements as a client's JSON has them."""
    if array.dtype == object:
        return [element.decode() for element in array.reshape(-1)]
    with np.errstate(invalid="ignore"):  # of signalling NaNs
        wide = array.astype(np.float64) if array.dtype.kind in "fV" else array
    return list(wide.reshape(-1).tolist())


def packed(array: Array) -> bytes:
    """The elements as a client's binary form has them."""
    if array.dtype == object:
        return b"".join(struct.pack("<I", len(element)) + element for element in array.reshape(-1))
    return array.tobytes()


def echoed(array: Array, dtype: DType, binary_in: bool, binary_out: bool) -> tuple[dict[str, Any], bytes]:
    """The output's entry and what follows the JSON."""
    data = packed(array) if binary_in else b""
    entry = tensor("x", list(array.shape), DATATYPES[dtype])
    entry |= {"parameters": {"binary_data_size": len(data)}} if binary_in else {"data": listed(array)}
    document = request(entry, parameters={"binary_data_output": binary_out})
    name = "string" if dtype is DType.BYTES else dtype.value
    response = infer(document, f"echo_{name}", data)
    assert response.status == 200, response.body
    body = bytes(response.body)
    length = int(dict(response.headers).get(b"Inference-Header-Content-Length", len(body)))
    (output,) = json.loads(body[:length])["outputs"]
    assert (output["datatype"], output["shape"]) == (DATATYPES[dtype], list(array.shape))
    return output, body[length:]


def same(one: list[Any], other: list[Any]) -> bool:
    """Whether two lists are equal to the bit, NaN being NaN."""
    return repr(one) == repr(other)


@pytest.mark.parametrize("dtype", list(DType))
@given(data=st.data(), binary_in=st.booleans(), binary_out=st.booleans())
def test_what_was_sent_comes_back(
    dtype: DType, data: st.DataObject, binary_in: bool, binary_out: bool
) -> None:
    array = data.draw(arrays(dtype))
    if dtype.is_float and not binary_in:  # of a NaN in JSON nothing but that it is one comes through
        with np.errstate(invalid="ignore"):  # of signalling NaNs
            array = np.where(np.isnan(array), np.array(1.0, dtype.numpy), array)
    output, rest = echoed(array, dtype, binary_in, binary_out)
    if binary_out:
        assert (output["parameters"], rest) == ({"binary_data_size": len(rest)}, packed(array))
        return
    given = output["data"]
    if dtype.is_float:  # shortest digits of the type itself: equal once they are of that type again
        given = listed(np.array(given, np.float64).astype(dtype.numpy))
    assert rest == b""
    assert same(given, listed(array))


@given(st.lists(st.binary(max_size=6), max_size=6))
def test_bytes_that_are_no_text_come_back_in_binary_form(elements: list[bytes]) -> None:
    array = np.array([*elements, None], np.object_)[:-1]
    assert echoed(array, DType.BYTES, binary_in=True, binary_out=True)[1] == packed(array)
