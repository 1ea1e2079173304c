"""Frames that no gRPC library sends, from a bare socket: each ends its own call at most."""

import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Final

import pytest

from tests.conformance import reference_models
from tests.conformance.grpc_cases import GrpcCase, GrpcExpectation
from tests.conformance.grpc_exchange import call
from tests.hostile.frames import DATA, END_STREAM, PREFACE, frame, message, opened, trailers
from tests.server_process import Address, serving

METHOD: Final = "tensorflow.serving.PredictionService/Predict"
ASKED: Final = GrpcCase(
    id="predict",
    why="the server answers",
    method=METHOD,
    request={"model_spec": {"name": "half_plus_two"}, "inputs": {"x": {"$tensor": [2.0]}}},
    expect=GrpcExpectation(),
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    folder = tmp_path_factory.mktemp("hostile")
    reference_models.write(folder / "models")
    with serving([str(folder / "models")], folder / "log") as addresses:
        yield addresses.grpc


@pytest.mark.parametrize("flags", [0, END_STREAM])
def test_a_message_that_announces_a_gigabyte_is_refused_before_it_comes(address: Address, flags: int) -> None:
    with closing(opened(address, METHOD, frame(DATA, flags, 1, message(2**30)))) as connection:
        told = trailers(connection)
    assert told.startswith(b"grpc-status\x018")  # RESOURCE_EXHAUSTED
    assert b"Received message larger than max (1073741824 vs. 268435456)" in told


def test_a_message_that_says_it_is_compressed_and_not_how_is_refused(address: Address) -> None:
    data = frame(DATA, END_STREAM, 1, message(3, compressed=True))
    with closing(opened(address, METHOD, data)) as connection:
        assert trailers(connection).startswith(b"grpc-status\x0213")  # INTERNAL


UNFINISHED: Final = {
    "headers only": b"",
    "a message of which nothing follows": frame(DATA, 0, 1, message(200 * 2**20, b"")),
    "a message that stops inside": frame(DATA, 0, 1, message(200 * 2**20)),
    "a message that ends too early": frame(DATA, END_STREAM, 1, message(100)),
    "a frame that stops inside": frame(DATA, 0, 1, message(100, b"a" * 100))[:50],
}


@pytest.mark.parametrize("data", UNFINISHED.values(), ids=UNFINISHED)
def test_a_call_that_is_never_finished_holds_up_no_other(address: Address, data: bytes) -> None:
    with closing(opened(address, METHOD, data)):
        assert call(address, ASKED).code == "OK"


NOT_HTTP_2: Final = {
    "HTTP/1.1": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "zeros": b"\0" * 100,
    "garbage after the preface": PREFACE + b"\xff" * 100,
}


@pytest.mark.parametrize("data", NOT_HTTP_2.values(), ids=NOT_HTTP_2)
def test_what_is_no_http_2_ends_its_connection(address: Address, data: bytes) -> None:
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(data)
        while connection.recv(65536):
            pass
    assert call(address, ASKED).code == "OK"
