"""Header blocks (RFC 7541): the RFC's own examples, and blocks of any fields."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.transports.grpc.http2.errors import ConnectionFault
from dragoman.transports.grpc.http2.hpack import HeaderDecoder, encoded, integer
from dragoman.transports.grpc.http2.huffman import codes, decoded

FIRST = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com")]
SECOND = [*FIRST, (b"cache-control", b"no-cache")]
THIRD = [
    (b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/index.html"),
    (b":authority", b"www.example.com"), (b"custom-key", b"custom-value"),
]  # fmt: skip
# Appendices C.3 and C.4: three requests on one connection, plain and with Huffman's code.
PLAIN = (
    "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
    "8286 84be 5808 6e6f 2d63 6163 6865",
    "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
)
PACKED = (
    "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
    "8286 84be 5886 a8eb 1064 9cbf",
    "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
)


@pytest.mark.parametrize("blocks", [PLAIN, PACKED], ids=["plain", "packed"])
def test_the_requests_of_the_rfc_are_read_as_it_says(blocks: tuple[str, ...]) -> None:
    decoder = HeaderDecoder(1000)
    found = [decoder.decode(bytes.fromhex(block)) for block in blocks]
    assert found == [FIRST, SECOND, THIRD]
    assert decoder._bytes == 164


def test_the_answers_of_the_rfc_push_old_fields_out_of_a_small_table() -> None:
    """Appendix C.5, in a table of 256 bytes."""
    blocks = (
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32"
        "3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
    )
    decoder = HeaderDecoder(1000)
    decoder.decode(b"\x3f\xe1\x01")
    first, second = (decoder.decode(bytes.fromhex(block)) for block in blocks)
    assert first[0] == (b":status", b"302")
    assert second == [(b":status", b"307"), *first[1:]]
    assert decoder._bytes == 222


def test_the_numbers_of_the_rfc() -> None:
    assert integer(b"\x0a", 0, 0x1F) == (10, 1)
    assert integer(b"\x1f\x9a\x0a", 0, 0x1F) == (1337, 3)
    assert integer(b"\x2a", 0, 0xFF) == (42, 1)


def test_no_code_begins_another_and_together_they_are_complete() -> None:
    found = codes()
    assert sorted(found.values()) == list(range(257))
    assert sum(2 ** (30 - length) for length, _ in found) == 2**30
    assert found[13, 0x1FF8] == 0
    assert found[30, 0x3FFFFFFF] == 256


PACKABLE = {symbol: (code, length) for (length, code), symbol in codes().items()}


def packed(text: bytes) -> bytes:
    bits = "".join(f"{PACKABLE[byte][0]:0{PACKABLE[byte][1]}b}" for byte in text)
    bits += "1" * (-len(bits) % 8)
    return int(f"1{bits}", 2).to_bytes(len(bits) // 8 + 1, "big")[1:]


@given(st.binary(max_size=200))
def test_any_string_can_be_packed(text: bytes) -> None:
    assert decoded(packed(text)) == text


@given(st.binary(max_size=50))
def test_any_bytes_are_a_string_or_a_fault(text: bytes) -> None:
    with suppress(ValueError):
        assert packed(decoded(text)) == text


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=300), st.binary(max_size=300))))
def test_what_is_encoded_is_what_is_decoded_and_no_table_changes(fields: list[tuple[bytes, bytes]]) -> None:
    decoder = HeaderDecoder(1 << 30)
    assert decoder.decode(encoded(fields)) == fields
    assert (decoder.changes, decoder._bytes) == (0, 0)


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_any_block_is_read_or_ends_the_connection(blocks: list[bytes]) -> None:
    decoder = HeaderDecoder(1000)
    with suppress(ConnectionFault):
        for block in blocks:
            decoder.decode(block)
            assert decoder._bytes <= 4096


def test_fields_beyond_the_limit_are_left_out_and_the_table_stays_in_step() -> None:
    decoder = HeaderDecoder(100)
    assert decoder.decode(b"\x40\x01a\x01b" + encoded([(b"c", b"d" * 50)])) == [(b"a", b"b")]
    assert decoder.too_large
    assert decoder.decode(b"\xbe") == [(b"a", b"b")]
    assert not decoder.too_large
