"""`dragoman demo`: the first thing a newcomer runs."""

import contextlib
import signal
import socket

import pytest

from tests.e2e.process import dragoman_run, paste, serving


@pytest.mark.parametrize("digit", range(10))
def test_every_shipped_image_is_read_right(digit):
    ended = dragoman_run("demo", "--once", "--port", "0", "--digit", str(digit))
    assert ended.returncode == 0
    assert f"prediction: {digit}   confidence: 9" in ended.stdout or "confidence: 100" in ended.stdout
    assert ended.stderr == ""


def test_it_runs_from_any_directory_and_where_blocks_cannot_be_printed(tmp_path):
    ended = dragoman_run("demo", "--once", "--port", "0", cwd=tmp_path, env={"PYTHONIOENCODING": "ascii"})
    assert ended.returncode == 0
    assert "prediction: 8" in ended.stdout
    assert ended.stdout.isascii()


def test_its_curl_lines_work_while_it_is_up():
    with serving("demo", "--port", "0") as server:
        curls = [line for line in server.lines if line.startswith("curl ")]
        (predicted, classified, status) = [paste(line) for line in curls]
        assert predicted[0] == classified[0] == status[0] == 200
        assert predicted[1]["outputs"]["label"] == [8]
        label, score = max(classified[1]["results"][0], key=lambda pair: pair[1])
        assert label == "8"
        assert score > 0.9
        assert status[1]["model_version_status"][0]["state"] == "AVAILABLE"
        assert server.end(signal.SIGINT) == 0
        assert server.errors == ""


def test_a_port_asked_for_that_is_in_use_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as occupant:
        port = str(occupant.getsockname()[1])
        ended = dragoman_run("demo", "--once", "--port", port)
    assert ended.returncode == 1
    assert f"port {port} is in use by process" in ended.stderr


def test_a_default_port_in_use_gives_way_to_a_free_one():
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # then someone else has it, which serves as well
            stack.enter_context(socket.create_server(("127.0.0.1", 8000)))
        ended = dragoman_run("demo", "--once")
    assert ended.returncode == 0
    assert ended.stdout.startswith("port 8000 is in use, so the demo takes a free one\n")
    assert "prediction: 8" in ended.stdout
