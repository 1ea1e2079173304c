"""Hostile URLs send nothing: the kernel counts packets, whatever the interpreter tells of sockets."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
ALONE: Final = ("unshare", "--map-root-user", "--net")  # in a network without anybody else's packets


@pytest.mark.faults
def test_hostile_urls_send_no_packet() -> None:
    command = [*ALONE, sys.executable, "-m", "tests.security.packets"]
    counted = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert counted.returncode == 0, counted.stderr
    packets = json.loads(counted.stdout.splitlines()[-1])  # behind what is logged
    assert packets["hostile"] == 0
    assert packets["allowed"] > 0  # so that zero means something
