"""V2 inference from a bare socket: wrong bodies are told why, and what breaks off holds nothing."""

import http.client
import json
import socket
import struct
import zlib
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import grpc
import pytest

from dragoman.wire.protobuf import message_class
from tests.clients import inference_models
from tests.hostile.frames import (
    DATA,
    END_STREAM,
    frame,
    message,
    opened,
    received,
    reset,
    trailers,
)
from tests.hostile.inference_bodies import ONE, PATH, TABLE, Row
from tests.server_process import Addresses, serving

SERVICE: Final = "inference.GRPCInferenceService"
INFER: Final = f"{SERVICE}/ModelInfer"
STREAM: Final = f"{SERVICE}/ModelStreamInfer"
PATIENCE_S: Final = 60
VERY_MANY: Final = 10**9  # parts: more than anyone waits for
BODY_BYTES: Final = 16 * 2**20
BOMB_BYTES: Final = 3 * BODY_BYTES  # which are few enough, compressed, to be sent before the server reads
FRAME_BYTES: Final = 16_000
SETTINGS: Final = f"""
version: 1
limits: {{body_bytes: {BODY_BYTES}}}
listeners:
  - {{port: 0}}
  - {{port: 0, transport: grpc}}
"""


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    folder = tmp_path_factory.mktemp("hostile")
    inference_models.write(folder / "models")
    (folder / "dragoman.yaml").write_text(SETTINGS, encoding="utf-8")
    arguments = [str(folder / "models"), "--trust-code", "--config", str(folder / "dragoman.yaml")]
    with serving(arguments, folder / "log") as found:
        yield found
    assert "still in use" not in (folder / "log").read_text(encoding="utf-8")


def send(connection: http.client.HTTPConnection, row: Row) -> http.client.HTTPResponse:
    """The row as it is, whole or in chunks."""
    connection.putrequest("POST", PATH.format(row.model))
    for name, value in row.headers:
        connection.putheader(name, value)
    if row.chunks:
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        ends = [*row.chunks, len(row.body)]
        parts = [row.body[start:end] for start, end in zip([0, *row.chunks], ends, strict=True)]
        for part in [*parts, b""]:
            connection.send(b"%x\r\n%b\r\n" % (len(part), part))
    else:
        connection.putheader("Content-Length", str(len(row.body)))
        connection.endheaders(row.body)
    return connection.getresponse()


@pytest.mark.parametrize("row", TABLE, ids=[row.name for row in TABLE])
def test_a_body_is_told_what_is_wrong_with_it_and_the_connection_goes_on(
    addresses: Addresses, row: Row
) -> None:
    with closing(http.client.HTTPConnection(*addresses.http, timeout=PATIENCE_S)) as connection:
        response = send(connection, row)
        answer = json.loads(response.read())
        assert response.status == row.status, answer
        if row.told is not None:
            assert list(answer) == ["error"]
            assert row.told in answer["error"]
            assert response.headers["Content-Type"] == "application/json"
        good = Row("good", ONE, (), 200, None)
        assert send(connection, good).status == 200


def test_the_names_of_the_rows_differ() -> None:
    assert len({row.name for row in TABLE}) == len(TABLE)


def infer_request(model: str, name: str, datatype: str, data: bytes) -> bytes:
    request = message_class("inference.ModelInferRequest")(model_name=model, raw_input_contents=[data])
    request.inputs.add(name=name, datatype=datatype, shape=[1])
    return bytes(request.SerializeToString())


def counting(parts: int) -> bytes:
    """A request whose answer comes in so many parts; the model takes one call at a time."""
    return infer_request("countdown", "start", "INT32", struct.pack("<i", parts))


def half() -> bytes:
    return infer_request("half_plus_two", "x", "FP32", struct.pack("<f", 1.0))


def as_data(*messages: bytes, flags: int = 0) -> bytes:
    return frame(DATA, flags, 1, b"".join(message(len(data), data) for data in messages))


def assert_free(addresses: Addresses) -> None:
    """The model of many parts takes the next call."""
    with grpc.insecure_channel(f"{addresses.grpc.host}:{addresses.grpc.port}") as channel:
        answer: Any = channel.unary_unary(f"/{INFER}")(counting(1), timeout=PATIENCE_S)
    assert b"countdown" in answer


def test_a_stream_whose_client_vanishes_between_its_parts_lets_go_of_the_model(
    addresses: Addresses,
) -> None:
    with closing(opened(addresses.grpc, STREAM, as_data(counting(VERY_MANY)))) as connection:
        assert received(connection, b"countdown")
    assert_free(addresses)


def test_a_stream_that_is_reset_between_its_parts_lets_go_of_the_model(addresses: Addresses) -> None:
    with closing(opened(addresses.grpc, STREAM, as_data(counting(VERY_MANY)))) as connection:
        assert received(connection, b"countdown")
        connection.sendall(reset())
        assert_free(addresses)


def test_a_stream_that_is_cut_inside_a_message_lets_go_of_what_it_began(addresses: Addresses) -> None:
    data = as_data(counting(VERY_MANY)) + frame(DATA, 0, 1, message(100))
    with closing(opened(addresses.grpc, STREAM, data)) as connection:
        assert received(connection, b"countdown")
        connection.shutdown(socket.SHUT_WR)
    assert_free(addresses)


def test_a_stream_that_ends_inside_a_message_ends_and_answers_what_was_before(addresses: Addresses) -> None:
    data = as_data(half()) + frame(DATA, END_STREAM, 1, message(100))
    with closing(opened(addresses.grpc, STREAM, data)) as connection:
        told = received(connection, b"half_plus_two")
        assert told
        assert b"grpc-status" in told or trailers(connection)


def test_a_stream_ends_at_what_is_no_message_and_answers_what_was_before(addresses: Addresses) -> None:
    data = as_data(half(), b"\xff\xff\xff", half(), flags=END_STREAM)
    with closing(opened(addresses.grpc, STREAM, data)) as connection:
        told = received(connection, b"half_plus_two")
        if b"grpc-message" not in told:
            told += trailers(connection)
    assert b"grpc-status\x013" in told  # INVALID_ARGUMENT
    assert b"the message cannot be parsed" in told


def test_events_whose_reader_vanishes_let_go_of_the_model(addresses: Addresses) -> None:
    body = json.dumps({"start": VERY_MANY}).encode()
    with closing(http.client.HTTPConnection(*addresses.http, timeout=PATIENCE_S)) as connection:
        connection.request("POST", "/v2/models/countdown/generate_stream", body)
        response = connection.getresponse()
        assert response.status == 200
        assert b"999999999" in response.readline()
    assert_free(addresses)


def test_a_client_that_sends_and_reads_nothing_holds_up_no_other(addresses: Addresses) -> None:
    with closing(opened(addresses.grpc, STREAM, as_data(*[half()] * 1000))):
        assert_free(addresses)


@pytest.mark.parametrize("method", [INFER, STREAM])
def test_a_compressed_message_that_grows_beyond_the_limit_is_refused(
    addresses: Addresses, method: str
) -> None:
    packer = zlib.compressobj(9, wbits=31)
    piece = bytes(2**20)
    bomb = b"".join([packer.compress(piece) for _ in range(BOMB_BYTES // len(piece))]) + packer.flush()
    whole = message(len(bomb), bomb, compressed=True)
    starts = range(0, len(whole), FRAME_BYTES)
    data = b"".join([frame(DATA, 0, 1, whole[start : start + FRAME_BYTES]) for start in starts])
    with closing(opened(addresses.grpc, method, data, {"grpc-encoding": "gzip"})) as connection:
        told = trailers(connection)
    assert told.startswith(b"grpc-status\x018")  # RESOURCE_EXHAUSTED
    assert b"Decompressed message larger than max" in told
