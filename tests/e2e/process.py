"""`dragoman` as a process of its own."""

import contextlib
import http.client
import json
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import dragoman

DIGITS = Path(dragoman.__file__).parent / "demo" / "digits"
COMMAND = (sys.executable, "-m", "dragoman")
PATIENCE_S = 60  # for one verb or one answer
LIFETIME_S = 900  # of a server, which a whole file may share; then it is killed, which fails its test


def dragoman_run(*arguments, **options):
    """A verb that ends by itself, with what it printed."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False, **options
    )


class Server:
    """A verb that serves. Its standard output is read line by line, so a test waits for what it needs."""

    def __init__(self, process):
        self.process = process
        self.lines = []

    def read_until(self, start):
        """The first line from here on that begins so; the test fails if the output ends before."""
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith(start):
                return self.lines[-1]
        raise AssertionError(f"no line {start!r} in {self.lines}: {self.process.stderr.read()}")

    @property
    def url(self):
        return next(line for line in self.lines if line.startswith("listening on ")).split()[-1]

    @property
    def address(self):
        parts = urlsplit(self.url)
        return parts.hostname, parts.port

    def end(self, number):
        """Send the signal, read what is left; the exit code."""
        self.process.send_signal(number)
        self.lines += self.process.stdout.read().splitlines()
        self.errors = self.process.stderr.read()
        return self.process.wait()


@contextlib.contextmanager
def serving(*arguments, **options) -> Iterator[Server]:
    """A server that is ready; it is killed at the end if the test has not ended it."""
    with starting(*arguments, **options) as server:
        server.read_until("listening on ")
        yield server


@contextlib.contextmanager
def starting(*arguments, **options) -> Iterator[Server]:
    """A server that may still be loading its models."""
    with subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    ) as process:
        watchdog = threading.Timer(LIFETIME_S, process.kill)
        watchdog.start()
        try:
            yield Server(process)
        finally:
            watchdog.cancel()
            process.kill()


def fetch(url, body=None):
    """Status and JSON of one request: POST where there is a body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        connection.request("GET" if body is None else "POST", parts.path, body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def paste(line):
    """What a printed `curl` line gets; its body may come from a Python program before it."""
    *program, curl = line.split(" | ")
    words = shlex.split(curl)
    assert words[0] == "curl"
    body = words[2] if words[1] == "-d" else None
    if program:
        assert body == "@-"
        python, *arguments = shlex.split(program[0])
        assert python == "python3"
        body = subprocess.run([sys.executable, *arguments], capture_output=True, check=True).stdout
    return fetch(words[-1], body)
