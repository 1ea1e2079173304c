"""`dragoman serve` on a terminal."""

import os
import pty
import shutil
import subprocess

import pytest

from tests.e2e.process import COMMAND, DIGITS


@pytest.fixture
def terminal():
    """Both ends of a pseudo terminal."""
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)


def test_a_terminal_gets_a_table_with_states_and_causes(tmp_path, terminal):
    shutil.copytree(DIGITS, tmp_path / "digits")
    (tmp_path / "broken" / "1").mkdir(parents=True)
    (tmp_path / "broken" / "1" / "model.onnx").write_bytes(b"this is no model")
    ours, theirs = terminal
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
    command = [*COMMAND, "serve", str(tmp_path), "--port", "0"]
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(theirs)
        shown = b""
        while b"listening on http://127.0.0.1:" not in shown:
            shown += os.read(ours, 4096)
        process.terminate()
        assert process.wait() == 0
    text = shown.decode()
    assert all(heading in text for heading in ("model", "version", "engine", "state", "cause"))
    assert "ready" in text
    assert "failed" in text
    assert "curl -d " in text
