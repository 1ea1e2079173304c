"""Every row of the table against a live server, on both event loops, with a clock that does not wait."""

import asyncio
from collections.abc import Callable

import pytest
import uvloop

from dragoman.transports.http.router import Router
from dragoman.transports.http.server import HttpServer
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Operation
from tests.hostile.client import Client, play, statuses
from tests.hostile.table import BIG_BYTES, GET, LIMITS, TABLE, Act, Row

pytestmark = pytest.mark.usefixtures("crowd")
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
GUARD_S = 60.0  # a row that takes longer hangs
TURNS = 20  # of the loop, in which what was sent has been seen


def answer(operation: Operation, wire: WireRequest) -> WireResponse:
    """A large body for /big, else the request's own."""
    return WireResponse(200, bytes(BIG_BYTES) if wire.path == "/big" else wire.body, b"text/plain")


class Stage:
    """A server whose time the row moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.server = HttpServer(Router([], "superset"), answer, LIMITS, clock=lambda: self.now)

    async def pass_time(self, seconds: float) -> None:
        """Let the server see what was sent, then what o'clock it is."""
        for _ in range(TURNS):
            await asyncio.sleep(0)
        self.now += seconds
        self.server.wheel.turn()
        for _ in range(TURNS):
            await asyncio.sleep(0)

    async def outcome(self, row: Row, client: Client) -> tuple[tuple[int, ...], bool]:
        """Play the row; its statuses, and whether another request is answered after it."""
        head_first = row.name.startswith("HEAD")
        await client.connect(await self.server.start("127.0.0.1", 0), receive_buffer=4096)
        await play(row, client, self.pass_time)
        if not row.stays_open:
            await client.until(lambda: False)
            return statuses(bytes(client.received), head_first=head_first), False
        await client.until(
            lambda: len(statuses(bytes(client.received), head_first=head_first)) >= len(row.statuses)
        )
        found = statuses(bytes(client.received), head_first=head_first)
        await client.send(GET)
        await client.until(lambda: len(statuses(bytes(client.received), head_first=head_first)) > len(found))
        return found, statuses(bytes(client.received), head_first=head_first) == (*found, 200)


def run(loop: Callable[[], asyncio.AbstractEventLoop], row: Row) -> tuple[tuple[int, ...], bool]:
    async def scene() -> tuple[tuple[int, ...], bool]:
        stage, client = Stage(), Client()
        try:
            return await asyncio.wait_for(stage.outcome(row, client), GUARD_S)
        finally:
            await client.close()
            stage.server.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(scene())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("row", TABLE, ids=[row.name for row in TABLE])
def test_a_hostile_request_is_answered_as_the_table_says(row, loop):
    found, stays_open = run(LOOPS[loop], row)
    if Act.READ_NOTHING not in row.script:
        assert found == row.statuses
    assert stays_open == row.stays_open


def test_the_names_of_the_rows_differ():
    assert len({row.name for row in TABLE}) == len(TABLE)
