"""The load generator for HTTP: wrk, on a core of its own."""

import json
import re
import subprocess
from pathlib import Path
from typing import Final

from bench.load import LOAD_CORE, Load, LoadFailedError, pinned
from bench.workloads import Workload
from tests.server_process import Address

SECONDS_PER: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


def load(address: Address, workload: Workload, seconds: int, scratch: Path) -> Load:
    """Send the workload's request from all its connections for so long."""
    options = ["-t1", f"-c{workload.connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
    url = f"http://{address.host}:{address.port}{workload.path}"
    command = ["wrk", *options, "-s", str(script(workload, scratch)), url]
    run = subprocess.run(pinned(LOAD_CORE, command), capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise LoadFailedError(f"wrk ended with {run.returncode}: {run.stderr}{run.stdout}")
    return read(run.stdout)


def script(workload: Workload, scratch: Path) -> Path:
    """The Lua file that tells wrk what to send."""
    body = scratch / "body.json"
    body.write_bytes(workload.body())
    lua = scratch / "request.lua"
    headers = workload.headers()
    lines = [
        'wrk.method = "POST"',
        *(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items()),
        f"local file = io.open({json.dumps(str(body))}, 'rb')",
        "wrk.body = file:read('*a')",
        "file:close()",
    ]
    lua.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return lua


def read(report: str) -> Load:
    """The figures in wrk's report.

    Errors: LoadFailedError where a request failed, or a figure is missing.
    """
    if failed := re.findall(r"^ *(?:Non-2xx or 3xx responses|Socket errors): .*$", report, re.MULTILINE):
        raise LoadFailedError("; ".join(line.strip() for line in failed))
    rate = re.search(r"^Requests/sec: +([\d.]+)$", report, re.MULTILINE)
    percentiles = dict(re.findall(r"^ +(50|99)% +([\d.]+(?:us|ms|s|m)) *$", report, re.MULTILINE))
    if rate is None or len(percentiles) != 2 or float(rate[1]) == 0:
        raise LoadFailedError(f"no figures in wrk's report:\n{report}")
    return Load(float(rate[1]), _seconds(percentiles["50"]), _seconds(percentiles["99"]))


def _seconds(text: str) -> float:
    number = text.rstrip("ums")
    return float(number) * SECONDS_PER[text.removeprefix(number)]
