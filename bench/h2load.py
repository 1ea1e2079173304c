"""The load generator for gRPC: h2load, on a core of its own, sends one message over and over.

It reads the HTTP status of an answer, which gRPC sets to 200 whatever happened, and not the status of the
call. So one call is made with a real client first, and then every answer must have as many bytes as that one:
a failed call has none.
"""

import re
import subprocess
from pathlib import Path
from typing import Final

import grpc
import numpy as np

from bench.load import LOAD_CORE, Load, LoadFailedError, pinned
from bench.workloads import Workload
from tests.server_process import Address

PREFIX_BYTES: Final = 5  # a flag and a length precede each message
CALL_S: Final = 10.0
HEADERS: Final = ("content-type: application/grpc", "te: trailers")
RATE: Final = re.compile(r"^finished in .*, ([\d.]+) req/s,", re.MULTILINE)
REQUESTS: Final = re.compile(
    r"^requests: \d+ total, (\d+) started, (\d+) done, (\d+) succeeded, .*$", re.MULTILINE
)
DATA: Final = re.compile(r"^traffic: .* \((\d+)\) data$", re.MULTILINE)


def load(address: Address, workload: Workload, seconds: int, scratch: Path) -> Load:
    """Send the workload's request from all its connections for so long, one stream on each."""
    message, log = scratch / "message.bin", scratch / "h2load.log"
    body = workload.body()
    message.write_bytes(framed(body))
    log.unlink(missing_ok=True)
    answer = call(address, workload.path, body)
    options = ["-t1", f"-c{workload.connections}", "-m1", f"-D{seconds}", "-d", str(message)]
    options += [f"--header={header}" for header in HEADERS]
    url = f"http://{address.host}:{address.port}{workload.path}"
    command = ["h2load", *options, f"--log-file={log}", url]
    run = subprocess.run(pinned(LOAD_CORE, command), capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise LoadFailedError(f"h2load ended with {run.returncode}: {run.stderr}{run.stdout}")
    return read(run.stdout, log.read_text(encoding="utf-8"), len(framed(answer)))


def framed(message: bytes) -> bytes:
    """The message as it is sent: uncompressed, after its length."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def call(address: Address, method: str, message: bytes) -> bytes:
    """The answered message.

    Errors: LoadFailedError with the status of a call that failed.
    """
    with grpc.insecure_channel(f"{address.host}:{address.port}") as channel:
        try:
            return bytes(channel.unary_unary(method)(message, timeout=CALL_S))
        except grpc.RpcError as error:
            raise LoadFailedError(f"{method}: {error.code().name}: {error.details()}") from None


def read(report: str, log: str, answer_bytes: int) -> Load:
    """The figures in h2load's report and in its log, which has a line for each request.

    Errors: LoadFailedError where a request failed, or a figure is missing.
    """
    rate, requests, data = (pattern.search(report) for pattern in (RATE, REQUESTS, DATA))
    if rate is None or requests is None or data is None or not log:
        raise LoadFailedError(f"no figures in h2load's report:\n{report}")
    started, done, succeeded = map(int, requests.groups())
    if succeeded != done:
        raise LoadFailedError(requests[0])
    # Requests that have begun when the time is up may have been answered in part.
    if not done * answer_bytes <= int(data[1]) <= started * answer_bytes:
        raise LoadFailedError(f"{done} answers of {answer_bytes} bytes are not {data[1]} bytes")
    durations_us = [int(line.split("\t")[2]) for line in log.splitlines()]
    p50_us, p99_us = np.percentile(durations_us, [50, 99])
    return Load(float(rate[1]), p50_us * 1e-6, p99_us * 1e-6)
