"""MLServer with one of our models, on free ports, told of as our own servers tell of theirs.

python -m bench.beside.launch_mlserver MODELS
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

from bench.workloads import BESIDE
from tests.clients.environments import MLSERVER

HOST: Final = "127.0.0.1"
START_S: Final = 60.0
PAUSE_S: Final = 0.1


def main(models: Path) -> int:
    """Serve until SIGTERM. MLServer's environment has to be there."""
    ports = dict(zip(("http_port", "grpc_port", "metrics_port"), free_ports(3), strict=True))
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), models, ports)
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
        command = [MLSERVER.folder / "bin" / "mlserver", "start", folder]
        with subprocess.Popen(command, env=environment, stdout=sys.stderr) as server:
            signal.signal(signal.SIGTERM, lambda *_: server.terminate())
            wait_until_ready(f"http://{HOST}:{ports['http_port']}/v2/health/ready", server)
            print(f"listening on http://{HOST}:{ports['http_port']}", flush=True)
            print(f"listening on grpc://{HOST}:{ports['grpc_port']}", flush=True)
            server.wait()
    return 0


def write(folder: Path, models: Path, ports: dict[str, int]) -> None:
    """Its settings: everything in one process, as the server that it is compared with has it."""
    settings = {"host": HOST, "debug": False, "parallel_workers": 0, **ports}
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    for name in {workload.model for workload in BESIDE}:
        model = {
            "name": name,
            "implementation": "onnx_for_mlserver.OnnxModel",
            "parameters": {"uri": str((models / name / "1" / "model.onnx").resolve())},
        }
        (folder / name).mkdir()
        (folder / name / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on just now."""
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    try:
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def wait_until_ready(url: str, server: subprocess.Popen[bytes]) -> None:
    """Ask until it is ready.

    Errors: TimeoutError where it is not in time, or has ended.
    """
    ends_s = time.monotonic() + START_S
    while time.monotonic() < ends_s and server.poll() is None:
        try:
            with urlopen(url, timeout=1.0):
                return
        except (URLError, OSError):
            time.sleep(PAUSE_S)
    server.kill()
    raise TimeoutError("MLServer does not become ready; its log is above")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
