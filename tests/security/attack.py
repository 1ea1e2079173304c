"""How good callers fare beside someone who tries passwords.

    python -m tests.security.attack [SECONDS]

A server on core 0, its clients on core 1. A good caller, whose password is right, sends 500 requests a
second. In every other round 200 wrong passwords a second come as well, each another one, from 20 addresses,
so that it is the bound of all addresses together that counts. Prints the good caller's latencies of each
round, and what became of the wrong passwords; exits with 1 where its p99 is twice as long beside them.
"""

import base64
import http.client
import itertools
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

from dragoman.security.passwords import hash_password
from tests.e2e.process import DIGITS
from tests.server_process import Address, listening

ROUNDS = 6
GOOD_PER_S, WRONG_PER_S, ADDRESSES = 500, 200, 20
SETTINGS = """
repository: {digits}
deployments_file: ''
log: {{access: 'off'}}
deployments:
- name: guarded
  model: digits
  credentials: [{{username: pineapple, password: {{hash: '{hashed}'}}}}]
"""
BODY = b'{"inputs": [[%s]]}' % b",".join([b"0.5"] * 64)


def header(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def paced(per_s: float, seconds: float) -> Iterator[None]:
    """Gives the turn so often a second."""
    start = time.perf_counter()
    for number in range(int(per_s * seconds)):
        time.sleep(max(0.0, start + number / per_s - time.perf_counter()))
        yield


def good(address: Address, seconds: float) -> list[float]:
    """Latencies in milliseconds of a caller with the right password."""
    connection = http.client.HTTPConnection(*address)
    latencies = []
    for _ in paced(GOOD_PER_S, seconds):
        began = time.perf_counter()
        connection.request("POST", "/model-serving/guarded:predict", BODY, header("pineapple:fanatic"))
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        latencies.append((time.perf_counter() - began) * 1000)
    connection.close()
    return latencies


def wrong(address: Address, seconds: float, passwords: Iterator[int], found: Counter[int]) -> None:
    """Try passwords as often as the pace asks for, from several addresses."""

    def one(number: int) -> None:
        connection = http.client.HTTPConnection(*address, source_address=(f"127.0.0.{number + 2}", 0))
        for _ in paced(WRONG_PER_S / ADDRESSES, seconds):
            connection.request(
                "GET", "/model-serving/guarded", headers=header(f"pineapple:{next(passwords)}")
            )
            answer = connection.getresponse()
            answer.read()
            found[answer.status] += 1
        connection.close()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(ADDRESSES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main(seconds: float) -> int:
    with tempfile.TemporaryDirectory() as folder:
        hashed = hash_password("fanatic")
        settings = Path(folder) / "dragoman.yaml"
        settings.write_text(SETTINGS.format(digits=DIGITS, hashed=hashed))
        command = [
            "taskset",
            "-c",
            "0",
            sys.executable,
            "-m",
            "dragoman",
            "serve",
            str(settings),
            "--port",
            "0",
        ]
        with listening(command, Path(folder) / "log") as address:
            os.sched_setaffinity(0, {1})
            return measure(address, seconds)


def measure(address: Address, seconds: float) -> int:
    passwords, found = itertools.count(), Counter[int]()
    good(address, 1.0)
    p99: dict[bool, list[float]] = {False: [], True: []}
    for number in range(ROUNDS):
        attacked = number % 2 == 1
        attacker = threading.Thread(target=wrong, args=(address, seconds, passwords, found))
        if attacked:
            attacker.start()
        latencies = good(address, seconds)
        if attacked:
            attacker.join()
        p99[attacked].append(quantiles(latencies, n=100)[98])
        name = "attacked" if attacked else "quiet   "
        print(f"{name}  median {median(latencies):.2f} ms  p99 {p99[attacked][-1]:.2f} ms")
    print(f"wrong passwords answered: {dict(found)}")
    ratio = median(p99[True]) / median(p99[False])
    print(f"p99 beside wrong passwords: {ratio:.2f} times that of a quiet server")
    return int(ratio >= 2)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0))
