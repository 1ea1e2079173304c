"""Workers of handlers that are killed in a live server: only the calls in them fail.

The last one takes 5 seconds, longer where the machine is slow; DRAGOMAN_FAULT_SECONDS=60 makes it the full
minute.
"""

import contextlib
import http.client
import os
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from time import sleep

import pytest

from tests.e2e.process import fetch
from tests.e2e.test_handlers import archive, ask, handling, message, served
from tests.faults.progress import PATIENCE_S

SECONDS = float(os.environ.get("DRAGOMAN_FAULT_SECONDS", "5"))
KILL_EVERY_S = 0.5
KILLS = round(SECONDS / KILL_EVERY_S) - 1
CALLERS = 8
WORKERS = 3
ANSWERS = 100  # which are given after each kill, before the next

pytestmark = pytest.mark.faults

# Sends a part with its process, then waits until the file is there, then sends another.
STREAMS = """\
from ts.handler_utils.utils import send_intermediate_predict_response
name = bytes(data[0]['body']).decode()
send_intermediate_predict_response([f'{os.getpid()} '], context.request_ids, '', 200, context)
while not os.path.exists(name):
    time.sleep(0.01)
return ['end']
"""
# Says into a file which process has the batch, then waits to be killed, if it is told to.
WAITS = """\
bodies = [bytes(row['body']).decode() for row in data]
if bodies[0].startswith('/'):
    with open(bodies[0], 'w') as file:
        file.write(str(os.getpid()))
    time.sleep(3600)
return [f'{body} of {len(bodies)}' for body in bodies]
"""
# The first time that it is loaded it waits to be killed.
LOADS_SECOND = """\
import os
import time
if not os.path.exists({file!r}):
    with open({file!r}, 'w') as file:
        file.write(str(os.getpid()))
    time.sleep(3600)


def handle(data, context):
    return data and ['loaded']
"""
# It loads once, and says each time when it was asked to.
LOADS_ONCE = """\
import os
import time
with open({file!r}, 'a') as file:
    file.write(f'{{time.monotonic()}}\\n')
if len(open({file!r}).readlines()) > 1:
    raise ValueError


def handle(data, context):
    if data is not None:
        os._exit(1)
"""
ECHOES = "return [f\"{bytes(row['body']).decode()} {os.getpid()}\" for row in data]"


def read_when_there(path: Path) -> int:
    """The number in a file, as soon as it is there."""
    while not (path.exists() and path.read_text()):
        sleep(0.01)
    return int(path.read_text())


def workers(server, model: str) -> list[dict[str, object]]:
    _, document = fetch(f"{server.url}/dragoman/models/{model}")
    found: list[dict[str, object]] = document["versions"][0]["workers"]["workers"]
    return found


@contextlib.contextmanager
def streaming(server, file: Path):
    """A streamed answer whose first part, the number of its process, was read."""
    with contextlib.closing(http.client.HTTPConnection(*server.address, timeout=60)) as connection:
        connection.request("POST", "/predictions/m", str(file).encode())
        answer = connection.getresponse()
        first = b""
        while not first.endswith(b" "):
            first += answer.read1(1)
        yield answer, int(first)


def test_a_worker_that_is_killed_midway_breaks_off_its_own_answer_alone(tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    path = archive(tmp_path / "m.mar", handling(STREAMS), "minWorkers: 2\nmaxWorkers: 2\n")
    with (
        served(path) as server,
        streaming(server, go_on) as (one, victim),
        streaming(server, go_on) as (other, _),
    ):
        os.kill(victim, signal.SIGKILL)
        with pytest.raises(http.client.IncompleteRead):
            one.read()
        go_on.touch()
        assert other.read() == b"end"
        with streaming(server, go_on) as (third, _):
            assert third.read() == b"end"
        assert fetch(f"{server.url}/ping") == (200, {"status": "Healthy"})


def test_a_worker_that_is_killed_fails_its_whole_batch_and_no_other_call(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    path = archive(tmp_path / "m.mar", handling(WAITS), "batchSize: 2\nmaxBatchDelay: 60000\n")
    with served(path) as server, ThreadPoolExecutor(4) as threads:
        batch = [threads.submit(ask, server, "m", body) for body in (str(file).encode(), str(file).encode())]
        victim = read_when_there(file)
        later = [threads.submit(ask, server, "m", body) for body in (b"a", b"b")]
        os.kill(victim, signal.SIGKILL)
        for answer in batch:
            status, body = answer.result()
            assert (status, message(body)) == (507, "Worker died.")
        assert {answer.result() for answer in later} == {(200, b"a of 2"), (200, b"b of 2")}


def test_a_worker_that_is_killed_while_it_loads_is_followed_by_another(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    path = archive(tmp_path / "m.mar", LOADS_SECOND.format(file=str(file)))

    def kill() -> None:
        os.kill(read_when_there(file), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with served(path) as server:
        killer.join()
        assert ask(server, "m") == (200, b"loaded")


def test_one_that_does_not_load_again_is_tried_after_longer_pauses_until_ping_says_so(tmp_path: Path) -> None:
    file = tmp_path / "times"
    code = LOADS_ONCE.format(file=str(file))
    path = archive(tmp_path / "m.mar", code, "maxRetryTimeoutInSec: 8\n")
    with served(path) as server:
        status, body = ask(server, "m")
        assert (status, message(body)) == (500, "Worker died.")
        assert fetch(f"{server.url}/ping")[0] == 200
        status, body = ask(server, "m")  # it waits in line until nobody is left who could answer
        assert (status, "has no worker" in message(body)) == (503, True)
        assert fetch(f"{server.url}/ping") == (500, {"status": "Unhealthy"})
        assert [worker["state"] for worker in workers(server, "m")] == ["given_up"]
        assert ask(server, "m")[0] == 503
    times = [float(line) for line in file.read_text().splitlines()]
    least_s = zip(pairwise(times[1:]), (1, 1, 2, 3), strict=False)
    assert all(after - before >= pause for (before, after), pause in least_s)


class Tally:
    """What became of the calls of several threads."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.wrong: list[bytes] = []
        self._counted = threading.Condition()

    def take(self, told: str, status: int, body: bytes) -> None:
        """Count an answer, which has to be this call's own."""
        with self._counted:
            self.statuses[status] += 1
            if status == 200 and body.split()[0].decode() != told:
                self.wrong.append(body)
            self._counted.notify_all()

    def wait(self) -> None:
        """Wait until so many more calls have been answered well."""
        with self._counted:
            wanted = self.statuses[200] + ANSWERS
            assert self._counted.wait_for(lambda: self.statuses[200] >= wanted, PATIENCE_S), self.statuses


def test_killing_workers_under_load_fails_only_the_calls_in_them(tmp_path: Path) -> None:
    config = f"minWorkers: {WORKERS}\nmaxWorkers: {WORKERS}\n"
    path = archive(tmp_path / "m.mar", handling(ECHOES), config)
    tally, over = Tally(), threading.Event()

    def call(caller: int) -> None:
        number = 0
        while not over.is_set():
            number += 1
            told = f"{caller}-{number}"
            tally.take(told, *ask(server, "m", told.encode()))

    with served(path) as server, ThreadPoolExecutor(CALLERS) as threads:
        calls = [threads.submit(call, caller) for caller in range(CALLERS)]
        try:
            for number in range(KILLS):
                sleep(KILL_EVERY_S)
                tally.wait()
                pids = [worker["pid"] for worker in workers(server, "m") if worker["state"] == "ready"]
                os.kill(int(str(pids[number % len(pids)])), signal.SIGKILL)
            tally.wait()
        finally:
            over.set()
        for running in calls:
            running.result()
    print(f"{tally.statuses} after {KILLS} kills")
    assert tally.wrong == []
    assert set(tally.statuses) <= {200, 507}
    assert tally.statuses[507] <= KILLS
