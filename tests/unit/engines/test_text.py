"""Byte strings through text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.engines.onnx.text import RESERVED, escape, to_bytes, to_text, unescape

pieces = st.lists(
    st.one_of(st.binary(max_size=6), st.text(max_size=4).map(str.encode), st.sampled_from([
        b"\xf4\x8f\x9e\x80", b"\xf4\x8f\x9f\xbf", b"\xf4\x8f\x9e", b"\xed\xb2\x80", b"\xef\xbf\xbf", b"\x80",
    ])),
    max_size=6,
).map(b"".join)  # fmt: skip


@given(pieces)
def test_any_bytes_come_back_as_they_went_in(value: bytes) -> None:
    text = escape(value)
    text.encode()  # a runtime can hold it
    assert unescape(text) == value


@given(st.text().filter(lambda text: RESERVED.search(text) is None))
def test_text_goes_as_it_is(text: str) -> None:
    assert escape(text.encode()) == text


def test_two_different_values_never_become_the_same_text() -> None:
    byte = b"\xff"
    stands_for_it = escape(byte).encode()
    assert escape(stands_for_it) != escape(byte)


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (4,), (2, 2)])
def test_shapes_are_kept(shape: tuple[int, ...]) -> None:
    array = np.full(shape, b"\xffa", object)
    back = to_bytes(to_text(array))
    assert back.shape == shape
    assert back.tolist() == array.tolist()
