"""h2load's report is read right, and a run with failed calls is none."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from bench.h2load import call, framed, read
from bench.load import Load, LoadFailedError
from tests.server_process import Address

REPORT = """\
starting benchmark...
Main benchmark duration is over for thread #0. Stopping all clients.

finished in 2.00s, 2908.50 req/s, 357.29KB/s
requests: 5817 total, 5881 started, 5817 done, 5817 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 5817 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 714.58KB (731728) total, 21.73KB (22251) headers (space savings 95.28%), 363.56KB (372288) data
                     min         max         mean         sd        +/- sd
time for request:    21.11ms     35.75ms     29.48ms      1.81ms    74.26%
"""
LOG = "".join(f"1795259692526{number:03}\t200\t{number * 100}\n" for number in range(101))
ANSWER_BYTES = 64


def test_the_rate_is_read_and_the_percentiles_are_those_of_the_log() -> None:
    assert read(REPORT, LOG, ANSWER_BYTES) == Load(2908.5, pytest.approx(5e-3), pytest.approx(9.9e-3))


@pytest.mark.parametrize("data", [372287, 372288 + 64 * ANSWER_BYTES + 1, 0])
def test_a_run_whose_answers_are_not_all_as_long_as_the_checked_one_is_refused(data: int) -> None:
    with pytest.raises(LoadFailedError, match=f"5817 answers of 64 bytes are not {data} bytes"):
        read(REPORT.replace("372288", str(data)), LOG, ANSWER_BYTES)


def test_answers_under_way_when_the_time_is_up_are_none_too_many() -> None:
    assert read(REPORT.replace("372288", "372352"), LOG, ANSWER_BYTES).requests_per_s == 2908.5


def test_a_run_with_failed_requests_is_refused() -> None:
    failed = REPORT.replace("5817 succeeded, 0 failed", "5816 succeeded, 1 failed")
    with pytest.raises(LoadFailedError, match="1 failed"):
        read(failed, LOG, ANSWER_BYTES)


@pytest.mark.parametrize(
    ("report", "log"), [("", LOG), (REPORT, ""), (REPORT.replace("req/s,", "done,"), LOG)]
)
def test_a_report_without_figures_is_refused(report: str, log: str) -> None:
    with pytest.raises(LoadFailedError, match="no figures"):
        read(report, log, ANSWER_BYTES)


def test_a_message_is_sent_after_its_length() -> None:
    assert framed(b"x" * 258) == b"\0\0\0\1\2" + b"x" * 258


@pytest.fixture
def echo() -> Iterator[Address]:
    """A server that has the method /t.T/Echo only."""
    methods = {"Echo": grpc.unary_unary_rpc_method_handler(lambda message, _: message)}
    with ThreadPoolExecutor(1) as threads:
        server = grpc.server(threads, [grpc.method_handlers_generic_handler("t.T", methods)])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield Address("127.0.0.1", port)
        server.stop(None).wait()


def test_a_call_gives_the_answered_message(echo: Address) -> None:
    assert call(echo, "/t.T/Echo", b"hello") == b"hello"


def test_a_call_that_fails_names_its_status(echo: Address) -> None:
    with pytest.raises(LoadFailedError, match=r"/t.T/Nope: UNIMPLEMENTED: Method not found"):
        call(echo, "/t.T/Nope", b"hello")
