"""Bodies of announced size."""

from dragoman.transports.http.body import FIRST_BYTES, GROWTH, SizedBody


def fill(body: SizedBody, data: bytes) -> int:
    room = body.space()
    size = min(len(room), len(data))
    room[:size] = data[:size]
    body.received += size
    return size


def test_memory_follows_what_has_arrived_and_not_what_was_announced():
    body = SizedBody(1 << 40, memoryview(b""))
    assert len(body.space()) == FIRST_BYTES
    while body.received < 8 * FIRST_BYTES:
        assert body.received + len(body.space()) <= max(FIRST_BYTES, GROWTH * body.received)
        fill(body, bytes(FIRST_BYTES // 2))


def test_a_body_is_received_in_place_to_the_last_byte():
    content = bytes(range(256)) * 20_000
    body = SizedBody(len(content), memoryview(content[:1000]))
    position = 1000
    while not body.done:
        position += fill(body, content[position:])
    assert bytes(body.data) == content


def test_no_more_room_is_given_than_the_body_takes():
    body = SizedBody(10, memoryview(b"1234"))
    assert len(body.space()) == 6
