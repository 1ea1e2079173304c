import contextlib
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import DragomanError
from dragoman.wire.base64 import FASTEST, MSGSPEC, _decode_others, decode_base64, encode_base64


@given(st.binary())
def test_decoding_undoes_encoding_with_padding_or_without(data: bytes) -> None:
    text = encode_base64(data)
    assert decode_base64(text) == data
    assert decode_base64(text.rstrip("=")) == data


@pytest.mark.parametrize("text", ["aGVs bG8=", "aGVs\nbG8", "\taGVsbG8=\r\n", " aGVsbG8 "])
def test_white_space_is_skipped(text: str) -> None:
    assert decode_base64(text) == b"hello"


@pytest.mark.parametrize(
    "text",
    ["_-_-", "aGVsbG8==", "aGVsbA=", "a", "aGVsb", "=aGV", "aGVsbG8=x", "aGV$bG8=", "é", "====", "aG=sbG8="],
)
def test_what_is_no_standard_base64_is_refused(text: str) -> None:
    with pytest.raises(DragomanError, match=r"^Unable to base64 decode$"):
        decode_base64(text)


@pytest.mark.parametrize("fast", [FASTEST, MSGSPEC], ids=["fastest", "msgspec"])
@given(st.text("ABab09+/=-_ \n\té\0", max_size=12))
def test_the_fast_ways_take_nothing_that_the_other_reads_otherwise(
    fast: Callable[[str], bytes], text: str
) -> None:
    with contextlib.suppress(ValueError, msgspec.ValidationError):
        assert fast(text) == _decode_others(text)
