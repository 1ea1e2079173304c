"""A server that outlives the command that started it: `--start` and `--stop`, as TorchServe has them."""

import os
import subprocess
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic

import pytest

from tests.e2e.process import COMMAND, PATIENCE_S

LISTENING = "listening on http://"
SERVE = ("serve", "--as", "torchserve")
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def torchserve(tmp_path: Path) -> Iterator[Command]:
    """The command with these flags; what it and the server in the background print goes to the file `log`."""
    (tmp_path / "store").mkdir()
    (tmp_path / "config.properties").write_text(
        "inference_address=http://127.0.0.1:0\nmanagement_address=http://127.0.0.1:0\n"
        "grpc_inference_port=0\ngrpc_management_port=0\nenable_metrics_api=false\nmodel_store=store\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}

    def run(*flags: str) -> subprocess.CompletedProcess[str]:
        with (tmp_path / "log").open("a") as log:
            return subprocess.run(
                [*COMMAND, *SERVE, "--ncs", "--disable-token-auth", *flags],
                cwd=tmp_path,
                env=environment,
                stdout=log,
                stderr=log,
                timeout=PATIENCE_S,
                check=False,
                text=True,
            )

    yield run
    run("--stop")


def told(folder: Path) -> str:
    return (folder / "log").read_text()


def answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except ConnectionRefusedError:
        return False
    finally:
        connection.close()


def port_of(folder: Path) -> int:
    until_s = monotonic() + PATIENCE_S
    while LISTENING not in told(folder):
        assert monotonic() < until_s, told(folder)
        os.sched_yield()
    return int(told(folder).split(LISTENING)[1].split()[0].rpartition(":")[2])


def test_start_comes_back_while_the_server_serves_and_stop_waits_for_its_end(
    torchserve: Command, tmp_path: Path
) -> None:
    assert torchserve("--start").returncode == 0
    assert "in the background, as process" in told(tmp_path)
    port = port_of(tmp_path)
    assert answers(port)

    assert torchserve("--start").returncode == 1
    assert "a server runs already" in told(tmp_path)
    assert answers(port)

    assert torchserve("--stop").returncode == 0
    assert "the server has stopped" in told(tmp_path)
    assert not answers(port)
    assert not (tmp_path / ".model_server.pid").exists()


def test_a_file_that_names_another_process_is_no_server_of_ours(torchserve: Command, tmp_path: Path) -> None:
    (tmp_path / ".model_server.pid").write_text(f"{os.getpid()}\n1\n")
    assert torchserve("--stop").returncode == 0
    assert "no server runs in the background" in told(tmp_path)


def test_what_the_settings_get_wrong_is_told_before_it_goes_to_the_background(
    torchserve: Command, tmp_path: Path
) -> None:
    assert torchserve("--start", "--ts-config", "absent").returncode == 1
    assert "absent cannot be read" in told(tmp_path)
    assert not (tmp_path / ".model_server.pid").exists()
