"""Bodies of announced size."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dragoman.transports.body import FIRST_BYTES, GROWTH, KEPT, SMALL_BYTES, Pieces, SizedBody


def fill(body: SizedBody, data: bytes) -> int:
    room = body.space()
    size = min(len(room), len(data))
    room[:size] = data[:size]
    body.received += size
    return size


def test_memory_follows_what_has_arrived_and_not_what_was_announced():
    body = SizedBody(1 << 40, memoryview(b""), Pieces())
    assert len(body.space()) == FIRST_BYTES
    while body.received < 8 * FIRST_BYTES:
        assert body.received + len(body.space()) <= max(FIRST_BYTES, GROWTH * body.received)
        fill(body, bytes(FIRST_BYTES // 2))


def test_a_body_is_received_in_place_to_the_last_byte():
    content = bytes(range(256)) * 20_000
    body = SizedBody(len(content), memoryview(content[:1000]), Pieces())
    position = 1000
    while not body.done:
        position += fill(body, content[position:])
    assert bytes(body.data) == content


def test_no_more_room_is_given_than_the_body_takes():
    body = SizedBody(10, memoryview(b"1234"), Pieces())
    assert len(body.space()) == 6


def address(data: memoryview) -> int:
    return np.frombuffer(data, np.uint8).ctypes.data


@pytest.mark.parametrize(
    "tensor_of",
    [
        lambda data: np.frombuffer(data[:1], np.uint8).reshape(1, 1)[0],
        lambda data: np.ndarray((1, 1), np.uint8, data[:1])[0],
        lambda data: np.asarray(data)[:1],
        lambda data: data[:1].cast("B"),
        lambda data: np.asarray(data.obj)[:1],
    ],
    ids=["frombuffer", "ndarray", "asarray", "memoryview", "obj"],
)
def test_a_piece_is_used_again_as_soon_as_nothing_refers_to_it(tensor_of: Callable[[memoryview], Any]):
    pieces = Pieces()
    body = SizedBody(SMALL_BYTES + 1, memoryview(b"1"), pieces)
    first = address(body.data)
    tensor = tensor_of(body.data)
    del body
    other = pieces.take(9)
    assert address(other) != first
    assert tensor.tolist() == [ord("1")]
    del tensor
    assert address(pieces.take(FIRST_BYTES)) == first


def test_no_two_bodies_share_a_piece_and_few_are_kept():
    pieces = Pieces()
    bodies = [SizedBody(FIRST_BYTES, memoryview(b""), pieces) for _ in range(2 * KEPT)]
    for number, body in enumerate(bodies):
        fill(body, bytes([number]) * FIRST_BYTES)
    assert [set(body.data) for body in bodies] == [{number} for number in range(2 * KEPT)]
    addresses = {address(body.data) for body in bodies}
    bodies.clear()
    del body
    again = [pieces.take(1) for _ in range(KEPT)]
    assert {address(view) for view in again} <= addresses


def test_a_small_body_takes_no_whole_piece():
    body = SizedBody(SMALL_BYTES, memoryview(b""), Pieces())
    assert len(body.space()) == SMALL_BYTES
