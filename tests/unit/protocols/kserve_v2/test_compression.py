import gzip
import zlib
from collections.abc import Callable
from typing import Final

import numpy as np
import pytest

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireResponse
from dragoman.wire.v2.compression import choose, compress, inflated, preferred
from tests.unit.protocols.kserve_v2.calls import infer, request, tensor

LIMITS: Final = Limits(inflated_bytes=100)
LONG: Final = b"0123456789" * 200


def refused(body: bytes, encoding: bytes) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        inflated(body, encoding, LIMITS)
    return caught.value


@pytest.mark.parametrize("encoding", [b"", b"identity", b" Identity "])
def test_a_body_that_is_not_compressed_is_the_body(encoding: bytes) -> None:
    assert inflated(b"{}", encoding, LIMITS) == b"{}"


@pytest.mark.parametrize("encoding", [b"br", b"gzip, gzip", b"\xff", b"x" * 5000])
def test_an_unknown_encoding_is_refused(encoding: bytes) -> None:
    error = refused(b"{}", encoding)
    assert (error.code, error.reason) == (Code.UNIMPLEMENTED, Reason.ENCODING_UNKNOWN)
    assert "supported are gzip, deflate" in error.message
    assert len(error.message) < 300


@pytest.mark.parametrize(("encoding", "make"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress)])
def test_a_body_that_is_not_what_it_says_is_refused(encoding: bytes, make: Callable[[bytes], bytes]) -> None:
    whole = make(b'{"inputs": []}')
    for body in (b"", b"{}", whole[:-1], whole[:-1] + b"\x55"):
        error = refused(body, encoding)
        assert (error.code, "is not complete" in error.message) == (Code.INVALID_ARGUMENT, True)
    assert refused(whole + b"xy", encoding).message.startswith("2 bytes follow the end")
    assert refused(make(LONG), encoding).code is Code.TOO_LARGE


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        (b"gzip", b"gzip"),
        (b"deflate", b"deflate"),
        (b"gzip, deflate, br", b"gzip"),
        (b"deflate, gzip", b"gzip"),
        (b"gzip;q=0.5, deflate", b"deflate"),
        (b"GZIP ; Q=0.5", b"gzip"),
        (b"*", b"gzip"),
        (b"gzip;q=0, *", b"deflate"),
        (b"gzip;q=0", None),
        (b"identity, gzip;q=0.5", None),
        (b"identity;q=0.5, gzip", b"gzip"),
        (b"*;q=0", None),
        (b"br", None),
        (b"gzip;q=much", None),
        (b"", None),
    ],
)
def test_the_coding_that_the_client_likes_best_is_chosen(accepted: bytes, chosen: bytes | None) -> None:
    assert choose(accepted) == preferred(accepted) == chosen


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_long_answer_is_compressed_for_who_asks(coding: str) -> None:
    response = compress(WireResponse(200, LONG), coding.encode())
    assert response.headers == [(b"Content-Encoding", coding.encode())]
    assert zlib.decompress(response.body, 47) == LONG


@pytest.mark.parametrize(
    ("body", "accepted"),
    [(LONG, b"br"), (LONG, b"br," * 100), (b"1" * 1024, b"gzip"), (bytes(range(256)) * 5, b"br")],
)
def test_others_get_it_as_it_is(body: bytes, accepted: bytes) -> None:
    response = compress(WireResponse(200, body), accepted)
    assert (response.body, response.headers) == (body, [])


def test_an_answer_that_does_not_shrink_stays_as_it_is() -> None:
    body = np.random.default_rng(1).bytes(2000)
    assert compress(WireResponse(200, body), b"gzip").body == body


def test_the_length_of_the_json_is_that_before_compression() -> None:
    document = request(tensor(shape=[1000], data=[1.5] * 1000), parameters={"binary_data_output": True})
    plain, packed = infer(document), infer(document, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.body) == plain.body
    assert dict(packed.headers) == {**dict(plain.headers), b"Content-Encoding": b"gzip"}
