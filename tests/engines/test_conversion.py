"""Conversions: made once, whole or not at all, and by an exporter that may fail in every way."""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.base import GivesWayError, Progress
from dragoman.engines.conversion import Conversion, ConversionOptions, converted, find_exporter
from dragoman.engines.conversion.convert import DOING, RECORD, WAITING, default_place
from dragoman.engines.conversion.exporter import version_of

SILENT = Progress()
WRITES = """
import os
into = sys.argv[-1]
os.makedirs(into)
for name in ("graph.xml", "graph.bin"):
    with open(os.path.join(into, name), "w") as file:
        file.write(" ".join(sys.argv[1:-1]))
"""
COUNTED = "open({runs!r}, 'a').write('x')\n" + WRITES
FAILS = "print('no such architecture'); sys.exit(3)\n"
HALF = WRITES + "os.remove(os.path.join(into, 'graph.bin'))\n"
HANGS = "open({runs!r}, 'a').write(str(__import__('os').getpid()))\n__import__('signal').pause()\n"
HALTS = """
import os, signal
if os.path.exists(gate):
    os.makedirs(sys.argv[-1])
    open(gate, "w").write(str(os.getpid()))
    signal.pause()
"""
# As `dragoman` would, in a process of its own.
ASKS = """
import sys
from dragoman.engines.base import Progress
from dragoman.engines.conversion import Conversion, ConversionOptions, converted, find_exporter
folder, place, command = sys.argv[1:]
wanted = Conversion("m", folder, "a-task", ("graph.xml", "graph.bin"))
options = ConversionOptions(converted_dir=place)
print(converted(wanted, find_exporter(command), options, Progress(lambda text: print(text, flush=True))))
"""


class Bench:
    """A folder of Hugging Face, and what converts it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "model"
        self.folder.mkdir()
        (self.folder / "config.json").write_text("{}", encoding="utf-8")
        (self.folder / "model.safetensors").write_bytes(b"weights")
        self.place = folder / "kept"
        self.runs = folder / "runs"
        self.command = folder / "exporter"

    def exporter(self, does: str) -> None:
        """From now on it does this."""
        text = f"#!{sys.executable}\nimport sys\n" + does.replace("{runs!r}", repr(str(self.runs)))
        self.command.write_text(text, encoding="utf-8")
        self.command.chmod(0o700)
        os.utime(self.command, ns=(1, 1))

    def convert(self, progress: Progress = SILENT, **options: Any) -> Path:
        exporter = find_exporter(str(self.command))
        assert exporter is not None
        wanted = Conversion("m", str(self.folder), "a-task", ("graph.xml", "graph.bin"), "; or else")
        chosen = ConversionOptions(converted_dir=str(self.place), **options)
        return Path(converted(wanted, exporter, chosen, progress))

    def ask(self) -> "subprocess.Popen[str]":
        """Ask for it in a process of its own."""
        asks = [sys.executable, "-c", ASKS, str(self.folder), str(self.place), str(self.command)]
        return subprocess.Popen(asks, stdout=subprocess.PIPE, text=True)

    @property
    def left(self) -> list[str]:
        """What lies there besides locks."""
        return [path.name for path in self.place.iterdir() if path.suffix != ".lock"]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_folder_is_converted_once_and_found_from_then_on(bench: Bench) -> None:
    bench.exporter(COUNTED)
    told: list[str] = []
    first = bench.convert(Progress(told.append))
    assert sorted(path.name for path in first.iterdir()) == [RECORD, "graph.bin", "graph.xml"]
    assert (first / "graph.xml").read_text(encoding="utf-8").split() == [
        "export", "openvino", "--model", str(bench.folder), "--task", "a-task", "--library", "transformers",
        "--weight-format", "fp32",
    ]  # fmt: skip
    assert (bench.convert(Progress(told.append)), told) == (first, [DOING])
    assert bench.runs.read_text(encoding="utf-8") == "x"


@pytest.mark.parametrize("change", ["weights", "config", "more", "format", "exporter"])
def test_whatever_changes_is_converted_anew(bench: Bench, change: str) -> None:
    bench.exporter(COUNTED)
    first = bench.convert()
    changes: dict[str, Callable[[], object]] = {
        "weights": lambda: (bench.folder / "model.safetensors").write_bytes(b"WEIGHTS"),
        "config": lambda: (bench.folder / "config.json").write_text("{ }", encoding="utf-8"),
        "more": lambda: (bench.folder / "tokenizer.json").write_text("{}", encoding="utf-8"),
        "exporter": lambda: os.utime(bench.command, ns=(2, 2)),
        "format": lambda: None,
    }
    changes[change]()
    options = {"weights": "int8"} if change == "format" else {}
    assert bench.convert(**options) != first
    (bench.folder / "README.md").write_text("no file of an exporter's", encoding="utf-8")
    bench.convert(**options)
    assert bench.runs.read_text(encoding="utf-8") == "xx"


@pytest.mark.parametrize("damage", ["no record", "no file", "shorter", "garbled"])
def test_what_is_not_whole_is_not_believed(bench: Bench, damage: str) -> None:
    bench.exporter(COUNTED)
    folder = bench.convert()
    damages: dict[str, Callable[[], object]] = {
        "no record": (folder / RECORD).unlink,
        "no file": (folder / "graph.bin").unlink,
        "shorter": lambda: (folder / "graph.bin").write_text("", encoding="utf-8"),
        "garbled": lambda: (folder / RECORD).write_text("[]", encoding="utf-8"),
    }
    damages[damage]()
    assert bench.convert() == folder
    assert bench.runs.read_text(encoding="utf-8") == "xx"
    assert (folder / "graph.bin").stat().st_size


@pytest.mark.parametrize(
    ("does", "why"), [(FAILS, "it ended with status 3"), (HALF, "it wrote no graph.bin"), ("(", "status 1")]
)
def test_an_exporter_that_fails_gives_way_and_leaves_nothing(bench: Bench, does: str, why: str) -> None:
    bench.exporter(does)
    with pytest.raises(GivesWayError, match=why) as caught:
        bench.convert()
    assert caught.value.code is Code.FAILED_PRECONDITION
    assert caught.value.message.endswith("; or else")
    assert str(bench.folder) not in caught.value.message
    assert bench.left == []


def test_an_exporter_that_takes_too_long_is_ended(bench: Bench) -> None:
    bench.exporter(HANGS)
    with pytest.raises(GivesWayError, match="it took more than 5 s"):
        bench.convert(convert_timeout_s=5.0)
    assert bench.left == []
    assert not runs(int(bench.runs.read_text(encoding="utf-8")))


def test_a_model_that_is_not_wanted_any_more_is_not_converted_on(bench: Bench) -> None:
    bench.exporter(HANGS)
    with pytest.raises(DragomanError) as caught:
        bench.convert(Progress(wanted=lambda: not bench.runs.exists()))
    assert caught.value.code is Code.CANCELLED
    assert not runs(int(bench.runs.read_text(encoding="utf-8")))


def test_of_two_servers_one_converts_and_the_other_waits_and_finds_it(bench: Bench) -> None:
    gate = bench.place.parent / "gate"
    os.mkfifo(gate)
    bench.exporter(f"open({str(gate)!r}).read()\n" + COUNTED)
    one = bench.ask()
    assert one.stdout is not None
    assert one.stdout.readline().strip() == DOING
    other = bench.ask()
    assert other.stdout is not None
    assert other.stdout.readline().strip() == WAITING
    gate.write_text("go on", encoding="utf-8")
    assert one.communicate(timeout=60) == other.communicate(timeout=60)
    assert (one.returncode, other.returncode) == (0, 0)
    assert bench.runs.read_text(encoding="utf-8") == "x"


def test_nothing_of_a_server_that_is_killed_goes_on_and_the_next_begins_anew(bench: Bench) -> None:
    gate = bench.place.parent / "gate"
    os.mkfifo(gate)
    bench.exporter(f"gate = {str(gate)!r}\n{HALTS}{COUNTED}")
    killed = bench.ask()
    pid = int(gate.read_text(encoding="utf-8"))
    watched = os.pidfd_open(pid)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=60)
    ended = threading.Thread(target=wait_for, args=(watched,))
    ended.start()
    ended.join(60)
    assert not ended.is_alive()
    assert bench.left[0].endswith(".unfinished")
    gate.unlink()
    folder = bench.convert()
    assert bench.left == [folder.name]


def test_a_place_that_cannot_be_written_gives_way(bench: Bench) -> None:
    bench.exporter(WRITES)
    bench.place.write_text("a file", encoding="utf-8")
    with pytest.raises(GivesWayError, match=r"options\.converted_dir"):
        bench.convert()


def test_the_usual_place_is_among_the_users_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert default_place() == "/caches/dragoman/converted"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", "/somewhere")
    assert default_place() == "/somewhere/.cache/dragoman/converted"


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One with a command, whose folder is on PATH."""
    command = tmp_path / "env" / "bin" / "optimum-cli"
    command.parent.mkdir(parents=True)
    command.write_text("#!/bin/sh\n", encoding="utf-8")
    command.chmod(0o700)
    monkeypatch.setenv("PATH", str(command.parent))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "elsewhere" / "python"))
    return command


def test_an_exporter_is_found_by_what_is_installed_beside_it(environment: Path) -> None:
    assert find_exporter("") is None
    packages = environment.parents[1] / "lib" / "python3.12" / "site-packages"
    for name in ("optimum_intel-2.2.0", "transformers-5.5.4", "requests-2.34.2"):
        (packages / f"{name}.dist-info").mkdir(parents=True)
    found = find_exporter("")
    assert found is not None
    assert (found.command, found.version) == (str(environment), "optimum_intel-2.2.0 transformers-5.5.4")
    assert find_exporter("no-such-command") is None
    assert version_of(__file__)


def runs(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(pidfd: int) -> None:
    """Wait for the end of a process that is none of ours."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    poll.poll()
