"""Many streams at once, and clients that vanish: each text is its own, and nothing is left of who goes."""

import json
import random
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from dragoman.cli.port_owner import port_owner
from tests.engines.text_models import write_models
from tests.faults.test_hot_swap import resident_bytes
from tests.server_process import Address, serving

STREAMS = 64
VANISHING = 1000
PROMPTS = ["alpha", "alpha beta", "The quick brown", "Say", "What is", "one two"]
MARGIN = 40 * 10**6  # bytes for what threads and allocators keep


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    folder = tmp_path_factory.mktemp("load")
    with serving([str(write_models(folder / "models"))], folder / "log") as addresses:
        yield addresses.http


def body(number: int, **more: Any) -> dict[str, Any]:
    """One of many requests that are all different."""
    return {
        "model": "tinychat", "prompt": PROMPTS[number % len(PROMPTS)], "max_tokens": 20 + number % 30,
        "temperature": 2.0, "seed": number, **more,
    }  # fmt: skip


def ask(address: Address, sent: dict[str, Any]) -> bytes:
    connection = HTTPConnection(*address, timeout=120)
    connection.request("POST", "/v1/completions", json.dumps(sent), {"content-type": "application/json"})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    assert answer.status == 200, data
    return data


def whole(address: Address, number: int) -> tuple[str, str]:
    choice = json.loads(ask(address, body(number)))["choices"][0]
    return choice["text"], choice["finish_reason"]


def streamed(address: Address, number: int) -> tuple[str, str]:
    events = ask(address, body(number, stream=True)).decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-2]]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    return "".join(choice["text"] for choice in choices), choices[-1]["finish_reason"]


def test_streams_beside_each_other_have_the_texts_that_each_has_alone(server: Address) -> None:
    alone = [whole(server, number) for number in range(STREAMS)]
    assert len(set(alone)) > STREAMS // 2
    with ThreadPoolExecutor(STREAMS) as threads:
        together = list(threads.map(streamed, [server] * STREAMS, range(STREAMS)))
    assert together == alone


def vanish(address: Address, number: int) -> None:
    """Begin a long text, read some of it or nothing, and go without a word."""
    chance = random.Random(number)
    sent = json.dumps(body(number, stream=chance.random() < 0.7, max_tokens=240, ignore_eos=True)).encode()
    head = b"POST /v1/completions HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: "
    with socket.create_connection(address, timeout=120) as connection:
        connection.sendall(head + b"%d\r\n\r\n" % len(sent) + sent)
        if chance.random() < 0.7:
            connection.settimeout(chance.random() * 0.05 + 0.001)
            with suppress(TimeoutError):
                while connection.recv(4096):
                    if chance.random() < 0.3:
                        break


def test_clients_that_vanish_leave_nothing(server: Address) -> None:
    owner = port_owner(server.port)
    assert owner is not None
    with ThreadPoolExecutor(32) as threads:
        list(threads.map(vanish, [server] * VANISHING, range(VANISHING)))
        before = resident_bytes(owner.pid)
        list(threads.map(vanish, [server] * VANISHING, range(VANISHING, 2 * VANISHING)))
    assert [whole(server, number) for number in range(4)] == [whole(server, number) for number in range(4)]
    assert resident_bytes(owner.pid) <= before + MARGIN
    # As many as are written at once: had one kept its place, these would never all be done together.
    with ThreadPoolExecutor(STREAMS) as threads:
        list(threads.map(streamed, [server] * STREAMS, range(STREAMS)))
    told = figures(server)
    assert (told["dragoman_text_running"], told["dragoman_text_waiting"]) == (0, 0)
    assert told["dragoman_text_cancelled_total"] > VANISHING / 2
    assert told["dragoman_text_failed_total"] == 0


def figures(address: Address) -> dict[str, float]:
    """What /metrics tells of the texts."""
    connection = HTTPConnection(*address, timeout=60)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    lines = [line.rpartition(" ") for line in text.splitlines() if line.startswith("dragoman_text_")]
    return {name.partition("{")[0]: float(value) for name, _, value in lines}


def test_who_shuts_its_writing_side_has_gone_and_is_not_written_for(server: Address) -> None:
    sent = json.dumps(body(0, max_tokens=240, ignore_eos=True)).encode()
    head = b"POST /v1/completions HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(sent)
    with socket.create_connection(server, timeout=60) as connection:
        connection.sendall(head + sent)
        connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            assert connection.recv(4096) == b""


def test_the_log_has_no_failure(server: Address, tmp_path_factory: pytest.TempPathFactory) -> None:
    logs = list(Path(tmp_path_factory.getbasetemp()).glob("load*/log"))
    assert logs
    assert not any("Traceback" in log.read_text(encoding="utf-8") for log in logs)
