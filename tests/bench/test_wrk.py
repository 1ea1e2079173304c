"""wrk's report is read right, and a run with failures is none."""

import pytest

from bench.load import Load, LoadFailedError
from bench.wrk import read

REPORT = """\
Running 5s test @ http://127.0.0.1:8000/v1/models/half_plus_two:predict
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.21ms  190.41us  14.31ms   95.63%
    Req/Sec    52.79k     1.24k   55.01k    72.00%
  Latency Distribution
     50%  950.00us
     75%    1.22ms
     90%    1.31ms
     99%    1.58ms
  262655 requests in 5.00s, 42.84MB read
Requests/sec:  52525.39
Transfer/sec:      8.57MB
"""


def test_rate_and_percentiles_are_read_in_seconds() -> None:
    assert read(REPORT) == Load(52525.39, pytest.approx(950e-6), pytest.approx(1.58e-3))


@pytest.mark.parametrize(("shown", "seconds"), [("2.50s ", 2.5), ("1.20m", 72.0), ("7.00us", 7e-6)])
def test_every_unit_of_time_is_known(shown: str, seconds: float) -> None:
    assert read(REPORT.replace("1.58ms", shown)).p99_s == pytest.approx(seconds)


@pytest.mark.parametrize(
    "line", ["  Non-2xx or 3xx responses: 262655", "  Socket errors: connect 0, read 3, write 0, timeout 0"]
)
def test_a_run_with_failed_requests_is_refused(line: str) -> None:
    with pytest.raises(LoadFailedError, match=line.strip()):
        read(REPORT + line + "\n")


@pytest.mark.parametrize("report", ["", REPORT.replace("52525.39", "0.00"), REPORT.replace("99%", "98%")])
def test_a_report_without_figures_is_refused(report: str) -> None:
    with pytest.raises(LoadFailedError, match="no figures"):
        read(report)
