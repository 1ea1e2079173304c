from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import DragomanError
from dragoman.core.tensors import DType
from dragoman.wire import json_block
from dragoman.wire.elements import read_array
from dragoman.wire.json_block import read_block
from dragoman.wire.json_tree import load

DEPTH = 1_000_000


@pytest.fixture(autouse=True)
def small_bodies_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_block, "MIN_BYTES", 0)


def outcome(body: bytes) -> Any:
    try:
        return load(body, DEPTH)
    except DragomanError:
        return None


NUMBERS = st.sampled_from(["1", "-2", "0", "2.5", "1e3", "-0.0", "18446744073709551616", "1.5E-7"])
SPACES = st.sampled_from(["", " ", "\n\t", ""])


@st.composite
def nests(draw: st.DrawFn) -> str:
    """Two or three levels of lists of numbers, most of them regular, with white space."""

    def listing(sizes: list[int]) -> str:
        if not sizes:
            return draw(SPACES) + draw(NUMBERS) + draw(SPACES)
        inner = [listing(sizes[1:]) for _ in range(sizes[0])]
        return draw(SPACES) + "[" + ",".join(inner) + "]" + draw(SPACES)

    return listing(draw(st.lists(st.integers(1, 3), min_size=2, max_size=3)))


@given(nests(), st.sampled_from(["instances", "inputs"]))
def test_a_regular_nest_is_read_as_the_parser_reads_it(nest: str, key: str) -> None:
    body = f' {{ "{key}" : {nest.strip()} }} '.encode()
    block = read_block(body, DEPTH)
    assert block is not None
    assert repr(block.document()) == repr(load(body, DEPTH))
    for dtype in (DType.FP32, DType.FP64, DType.INT64, DType.UINT8, DType.FP16, DType.BOOL, DType.BYTES):
        array, expected = block.array(dtype), read_array(block.document()[key], dtype)
        assert (array is None) == (expected is None)
        assert array is None or (array.shape == expected.shape and array.tobytes() == expected.tobytes())


@given(nests(), st.data())
def test_a_changed_nest_is_read_alike_or_left_to_the_parser(nest: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(nest)))
    end = data.draw(st.integers(start, min(len(nest), start + 3)))
    put = data.draw(
        st.sampled_from(["", "[", "]", ",", "1", " ", "-", ".", "e", "[]", ",[", "],", "true", "NaN"])
    )
    body = b'{"instances":' + (nest[:start] + put + nest[end:]).encode() + b"}"
    block = read_block(body, DEPTH)
    if block is not None:
        assert repr(block.document()) == repr(outcome(body))


@pytest.mark.parametrize(
    "body",
    [
        b'{"instances":[1,2]}',
        b'{"instances":[[],[]]}',
        b'{"instances":[[1,2],[3]]}',
        b'{"instances":[[1,2],3]}',
        b'{"instances":[3[],[4]]}',
        b'{"instances":[1[,2],[3,4]]}',
        b'{"instances":[[1,]2,[3,4]]}',
        b'{"instances":[[1,2]3,[4,5]]}',
        b'{"instances":[[1 2,3],[4,5]]}',
        b'{"instances":[[1,,2],[3,4,5]]}',
        b'{"instances":[[1,2],[3,01]]}',
        b'{"instances":[[1,2],[3,1e400]]}',
        b'{"instances":[[1,2],[3,NaN]]}',
        b'{"instances":[["1",2],[3,4]]}',
        b'{"instances":[[1,2],[3,4]]} x',
        b'{"instances":[[1,2],[3,4]],"a":1}',
        b'{"data":[[1,2],[3,4]]}',
        b"[[1,2],[3,4]]",
        b'{"instances":[[1,2],[3,4]]',
        b'{"instances":' + b"[" * 40 + b"1" + b"]" * 40 + b"}",
        b'{"instances":' + b"[" * 40,
        b"",
    ],
)
def test_anything_else_is_left_to_the_parser(body: bytes) -> None:
    assert read_block(body, DEPTH) is None


def test_nesting_beyond_the_limit_is_left_to_the_parser() -> None:
    body = b'{"instances":[[[1]]]}'
    assert read_block(body, 3) is None
    assert read_block(body, 4) is not None


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_an_image_is_read_from_any_kind_of_bytes(kind: type) -> None:
    image = np.linspace(0, 1, 8 * 8 * 3, dtype=np.float32).reshape(1, 8, 8, 3)
    body = orjson.dumps({"inputs": image}, option=orjson.OPT_SERIALIZE_NUMPY)
    block = read_block(kind(body), DEPTH)
    assert block is not None
    assert block.key == "inputs"
    array = block.array(DType.FP32)
    assert array is not None
    assert np.array_equal(array, image)
