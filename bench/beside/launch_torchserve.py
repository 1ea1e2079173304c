"""TorchServe with every archive of a store, on free ports, told of as our own servers tell of theirs.

python -m bench.beside.launch_torchserve STORE
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

from bench.beside.launch_mlserver import HOST, free_ports
from tests.clients.environments import TORCHSERVE

START_S: Final = 300.0
PAUSE_S: Final = 0.1
ADDRESSES: Final = ("inference_address", "management_address", "metrics_address")
GRPC_PORTS: Final = ("grpc_inference_port", "grpc_management_port")


def main(store: Path) -> int:
    """Serve until SIGTERM, which ends Java and its workers. TorchServe's environment has to be there."""
    ports = dict(zip((*ADDRESSES, *GRPC_PORTS), free_ports(5), strict=True))
    names = [path.name for path in sorted(store.iterdir())]
    with tempfile.TemporaryDirectory() as folder:
        environment = surroundings(Path(folder))
        command = [*java(environment), "-f", str(write(Path(folder), store, ports)), "-ncs"]
        command += ["--disable-token-auth", "-s", str(store), "-m", *names]
        with subprocess.Popen(command, env=environment, stdout=sys.stderr, cwd=folder) as server:
            signal.signal(signal.SIGTERM, lambda *_: server.terminate())
            wait_until_ready(f"http://{HOST}:{ports['management_address']}", len(names), server)
            print(f"listening on http://{HOST}:{ports['inference_address']}", flush=True)
            print(f"listening on grpc://{HOST}:{ports['grpc_inference_port']}", flush=True)
            server.wait()
    return 0


def java(environment: dict[str, str]) -> Sequence[str]:
    """The command that its own `torchserve` runs, which would not end it with itself; this ends it always."""
    home = TORCHSERVE.site_packages
    server = ["-cp", f".:{home}/ts/frontend/*", "org.pytorch.serve.ModelServer", "--python"]
    program = f"{environment.get('JAVA_HOME', '')}/bin/java" if environment.get("JAVA_HOME") else "java"
    with_this = ["setpriv", "--pdeathsig", "TERM"]
    return [*with_this, program, f"-Dmodel_server_home={home}", *server, str(TORCHSERVE.python)]


def write(folder: Path, store: Path, ports: dict[str, int]) -> Path:
    """Its settings: one worker for each model, as the server that it is compared with has it."""
    addresses = {key: f"http://{HOST}:{ports[key]}" for key in ADDRESSES}
    numbers = {key: ports[key] for key in GRPC_PORTS} | {"default_workers_per_model": 1}
    lines = [f"{key}={value}" for key, value in {**addresses, **numbers}.items()]
    path = folder / "config.properties"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def surroundings(folder: Path) -> dict[str, str]:
    """The environment: its own interpreter, and files of its own that go with this process."""
    paths = [str(TORCHSERVE.folder / "bin"), os.environ.get("PATH", "")]
    own = {"PATH": os.pathsep.join(paths), "TMPDIR": str(folder), "LOG_LOCATION": str(folder)}
    return {key: value for key, value in (os.environ | own).items() if key != "PYTHONPATH"}


def wait_until_ready(url: str, count: int, server: subprocess.Popen[bytes]) -> None:
    """Ask until as many models have a worker that is ready.

    Errors: TimeoutError where it is not in time, or has ended.
    """
    ends_s = time.monotonic() + START_S
    ready: set[str] = set()
    while time.monotonic() < ends_s and server.poll() is None:
        try:
            names = {one["modelName"] for one in asked(f"{url}/models")["models"]}
            for name in names - ready:
                (version,) = asked(f"{url}/models/{name}")
                if any(worker["status"] == "READY" for worker in version["workers"]):
                    ready.add(name)
            if len(ready) == count:
                return
        except (URLError, OSError):
            pass
        time.sleep(PAUSE_S)
    server.kill()
    raise TimeoutError("TorchServe does not become ready; its log is above")


def asked(url: str) -> dict[str, list[dict[str, str]]]:
    """The JSON at a URL."""
    with urlopen(url, timeout=5.0) as answer:
        found: dict[str, list[dict[str, str]]] = json.load(answer)
    return found


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
