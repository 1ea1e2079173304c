"""Python packages that a model archive lists, installed for that model alone.

1. In a folder of their own (pip's `--target`), which comes on the worker's path behind the model's folder;
   or, where the archive's `model-config.yaml` says `useVenv: true`, in a virtual environment, whose
   interpreter then runs the worker. It sees what the server's own interpreter sees, too, behind its own.
2. pip runs as a process of its own session; it and all that it started are killed when it takes too long and
   when the server ends. What it prints goes to the log.
"""

import importlib.util
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Final

import structlog

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.base import PythonEnvironment

PIP: Final = ("-m", "pip", "install")
PIP_SETTINGS: Final = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
}
MISSING: Final = re.compile(r"ERROR: No matching distribution found for (\S+)")
MOST_LINES: Final = 5000  # of the output that are logged
LINE_BYTES: Final = 4096
OUTPUT_END_S: Final = 1.0  # for the last lines of a process that has ended
SERVER_PACKAGES: Final = "dragoman_server.pth"


class Installer:
    """Installs packages. Several installations may run at a time, on any threads."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = False
        self._lock = threading.Lock()

    def to_folder(self, requirements: str, root: str, folder: str, model: str) -> PythonEnvironment:
        """Install into a folder; `root` is the model's, to which paths in the list are relative.

        Errors: FAILED_PRECONDITION.
        """
        command = [sys.executable, *PIP, "--upgrade", "--target", folder, "--requirement", requirements]
        self._install(command, root, model)
        return PythonEnvironment(packages=folder)

    def to_venv(self, requirements: str, root: str, folder: str, model: str) -> PythonEnvironment:
        """Install into a virtual environment that is made for it.

        Errors: FAILED_PRECONDITION.
        """
        # The server's pip does, where it has one: to make another takes seconds.
        without = ["--without-pip"] if importlib.util.find_spec("pip") is not None else []
        make = [sys.executable, "-m", "venv", "--system-site-packages", *without, folder]
        if self.run(make, root, model):
            raise not_installed(model, "no virtual environment can be made")
        show_server_packages(folder)
        interpreter = os.path.join(folder, "bin", "python")
        self._install([interpreter, *PIP, "--requirement", requirements], root, model)
        return PythonEnvironment(interpreter=interpreter)

    def run(self, command: Sequence[str], folder: str, model: str) -> str:
        """Run a command to its end, and log what it prints; why it failed, empty where it did not.

        Errors: FAILED_PRECONDITION where it takes too long, or the server ends.
        """
        with self._lock:
            if self._ended:
                raise not_installed(model, "the server ends")
            process = start(command, folder)
            self._running.add(process)
        output = Output(process, model)
        try:
            process.wait(self._timeout_s)
        except subprocess.TimeoutExpired:
            kill(process)
            why = f"it took longer than {self._timeout_s:g} s (archives.install_timeout_s)"
            raise not_installed(model, why) from None
        finally:
            with self._lock:
                self._running.discard(process)
            output.end()
        if self._ended:
            raise not_installed(model, "the server ends")
        return "" if process.returncode == 0 else output.missing or "the server's log tells more"

    def close(self) -> None:
        """End what runs; nothing is installed any more."""
        with self._lock:
            self._ended = True
            for process in self._running:
                kill(process)

    def _install(self, command: Sequence[str], folder: str, model: str) -> None:
        why = self.run(command, folder, model)
        if why:
            raise not_installed(model, why)


class Output:
    """What a process prints, line by line to the log."""

    def __init__(self, process: subprocess.Popen[bytes], model: str) -> None:
        self.missing = ""  # what could not be found
        self._log = structlog.get_logger("dragoman.repository").bind(model=model)
        self._reading = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        self._reading.start()

    def end(self) -> None:
        """Wait until all is read, a while."""
        self._reading.join(OUTPUT_END_S)

    def _read(self, stream: IO[bytes]) -> None:
        lines = 0
        with stream:
            while line := stream.readline(LINE_BYTES):
                text = line.decode("utf-8", "replace").rstrip()
                lines += 1
                if text and lines <= MOST_LINES:
                    self._log.info("installing", line=text)
                if found := MISSING.match(text):
                    self.missing = f"there is no package {found.group(1)} to be had"


def start(command: Sequence[str], folder: str) -> subprocess.Popen[bytes]:
    """Start a process of its own session."""
    return subprocess.Popen(  # noqa: S603 (our own interpreter; the archive is trusted)
        command,
        cwd=folder,
        env={**os.environ, **PIP_SETTINGS},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started, if it has not ended itself."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def show_server_packages(venv: str) -> None:
    """Let a virtual environment see the server's packages, also where the server has one itself."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    own = [path for path in sys.path if os.path.basename(path) in ("site-packages", "dist-packages")]
    lines = [f"import site; site.addsitedir({path!r})\n" for path in own]
    place = os.path.join(venv, "lib", version, "site-packages", SERVER_PACKAGES)
    with open(place, "w", encoding="utf-8") as file:
        file.writelines(lines)


def not_installed(model: str, why: str) -> DragomanError:
    """The error for a model whose packages are not there."""
    return DragomanError(
        Code.FAILED_PRECONDITION, f"the Python packages that {model} lists cannot be installed: {why}"
    )
