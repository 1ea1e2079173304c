"""When answers leave: at once, or at the end of a turn of the loop."""

import asyncio

import pytest

from dragoman.settings.limits import Limits
from dragoman.transports.departures import CROWD, LONGEST_NS, LOOK_EVERY, MOST, Departures
from dragoman.transports.http.router import Router
from dragoman.transports.http.server import HttpServer
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Operation

CLIENTS = 64
ROUNDS = 8


class Answer:
    def __init__(self) -> None:
        self.left = False

    def flush(self) -> None:
        self.left = True

    def abort(self) -> None:
        raise AssertionError("it could be written")


class Broken:
    def __init__(self) -> None:
        self.aborted = False

    def flush(self) -> None:
        raise OSError("no socket")

    def abort(self) -> None:
        self.aborted = True


def add(departures: Departures, count: int) -> list[Answer]:
    answers = [Answer() for _ in range(count)]
    for answer in answers:
        departures.add(answer)
    return answers


def left(answers: list[Answer]) -> int:
    return sum(answer.left for answer in answers)


def standing() -> int:
    """A clock that stands: no turn is long, however busy the machine is."""
    return 0


async def crowded(departures: Departures) -> None:
    """Give it so many answers a turn that it notices."""
    add(departures, LOOK_EVERY)
    await asyncio.sleep(0)  # now the turn begins that is looked at
    add(departures, CROWD)
    await asyncio.sleep(0)


def test_an_answer_that_comes_alone_leaves_at_once() -> None:
    async def main() -> None:
        departures = Departures(standing)
        for _ in range(3 * LOOK_EVERY):
            assert left(add(departures, 1)) == 1
            await asyncio.sleep(0)

    asyncio.run(main())


def test_a_crowd_of_answers_leaves_at_the_end_of_the_turn() -> None:
    async def main() -> None:
        departures = Departures(standing)
        await crowded(departures)
        answers = add(departures, CROWD)
        assert left(answers) == 0
        await asyncio.sleep(0)
        assert left(answers) == CROWD

    asyncio.run(main())


def test_many_answers_wait_for_no_end() -> None:
    async def main() -> None:
        departures = Departures(standing)
        await crowded(departures)
        answers = add(departures, 2 * MOST + 1)
        assert left(answers) == 2 * MOST
        await asyncio.sleep(0)
        assert left(answers) == 2 * MOST + 1

    asyncio.run(main())


def test_an_answer_waits_for_slow_ones_no_longer_than_it_may() -> None:
    times = [0]

    async def main() -> None:
        departures = Departures(lambda: times[0])
        await crowded(departures)
        (first,) = add(departures, 1)
        times[0] = LONGEST_NS
        (second,) = add(departures, 1)
        assert not first.left
        times[0] = LONGEST_NS + 1
        add(departures, 1)
        assert first.left
        assert second.left

    asyncio.run(main())


def test_answers_leave_at_once_again_when_the_crowd_is_gone() -> None:
    async def main() -> None:
        departures = Departures(standing)
        await crowded(departures)
        assert left(add(departures, CROWD - 1)) == 0
        await asyncio.sleep(0)
        assert left(add(departures, CROWD - 1)) == CROWD - 1

    asyncio.run(main())


def test_one_that_cannot_be_written_is_hung_up_on_and_keeps_no_other_from_leaving() -> None:
    async def main() -> None:
        departures = Departures(standing)
        await crowded(departures)
        broken = Broken()
        departures.add(broken)
        answers = add(departures, CROWD)
        await asyncio.sleep(0)
        assert left(answers) == CROWD
        assert broken.aborted

    asyncio.run(main())


@pytest.mark.usefixtures("crowd")
def test_every_one_of_many_clients_gets_its_own_answers_in_order() -> None:
    def echo(operation: Operation, wire: WireRequest) -> WireResponse:
        return WireResponse(200, wire.path.encode())

    async def client(port: int, number: int) -> list[bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        bodies = []
        for turn in range(ROUNDS):
            for part in "ab":  # pipelined
                writer.write(f"GET /{number}/{turn}{part} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            for _ in "ab":
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().partition(b"content-length: ")[2].split()[0])
                bodies.append(await reader.readexactly(size))
        writer.close()
        return bodies

    async def main() -> None:
        server = HttpServer(Router([], "superset"), echo, Limits())
        port = await server.start("127.0.0.1", 0)
        given = await asyncio.gather(*(client(port, number) for number in range(CLIENTS)))
        for number, bodies in enumerate(given):
            assert bodies == [f"/{number}/{turn}{part}".encode() for turn in range(ROUNDS) for part in "ab"]
        await server.drain(1.0)

    asyncio.run(main())
