"""TCP has no messages: a request is the same however it is cut."""

import asyncio

import pytest

from tests.hostile.table import GET, LIMITS, TABLE, Row
from tests.unit.transports.http.memory import Client, until

# Rows that are one piece of data: the others are about time, or about what is sent when
WHOLE = [row for row in TABLE if len(row.script) == 1 and isinstance(row.script[0], bytes)]
SHORT = [row for row in WHOLE if len(row.script[0]) <= 600]
NAMES = [row.name for row in SHORT]


def outcome(pieces: list[bytes]) -> tuple[list[int], bool]:
    """The statuses, and whether the connection is still open."""

    async def scene() -> tuple[list[int], bool]:
        client = Client(limits=LIMITS)
        for piece in pieces:
            client.send(piece)
            await until(lambda: client.transport.reading)
        found = client.statuses, client.open
        if client.open:  # and good for another request
            assert client.send(GET).statuses == [*client.statuses[: len(found[0])], 200]
        return found

    return asyncio.run(scene())


@pytest.mark.parametrize("row", SHORT, ids=NAMES)
def test_one_byte_at_a_time_gives_the_same_answers(row: Row):
    (data,) = row.script
    assert isinstance(data, bytes)
    assert outcome([data[at : at + 1] for at in range(len(data))]) == (list(row.statuses), row.stays_open)


@pytest.mark.parametrize("row", SHORT, ids=NAMES)
def test_a_cut_at_any_point_gives_the_same_answers(row: Row):
    (data,) = row.script
    assert isinstance(data, bytes)
    wrong = [
        at
        for at in range(1, len(data))
        if outcome([data[:at], data[at:]]) != (list(row.statuses), row.stays_open)
    ]
    assert wrong == []


@pytest.mark.parametrize("row", WHOLE, ids=[row.name for row in WHOLE])
def test_pieces_of_an_odd_size_give_the_same_answers(row: Row):
    (data,) = row.script
    assert isinstance(data, bytes)
    pieces = [data[at : at + 1447] for at in range(0, len(data), 1447)]
    assert outcome(pieces) == (list(row.statuses), row.stays_open)
