"""Scenarios: a folder that changes, a server that is asked to look again, and what it answers meanwhile.

A scenario file is a JSON list; a key that this reader does not know is an error. Each scenario begins in an
empty folder, which `${ROOT}` stands for in any path and text, and starts a server of its own that looks at
nothing unless it is asked to.
"""

import http.client
import json
import math
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType, convert

from tests.conformance.cases import Facts
from tests.conformance.exchange import Answer, exchange
from tests.server_process import Address, Addresses, serving

ROOT: Final = "${ROOT}"
ABSOLUTE: Final = 1e-5


class Written(Struct, forbid_unknown_fields=True):
    """A file: its text, or what is written as JSON."""

    path: str
    text: str | None = None
    json: Any = UNSET


class Started(Struct, forbid_unknown_fields=True):
    """How the server is started: with a file, or with one model."""

    config: str | None = None
    model_name: str | None = None
    model_path: str | None = None


class Asked(Struct, forbid_unknown_fields=True):
    """A request, with a body that is sent as JSON or as it is."""

    method: str
    path: str
    body: Any = UNSET
    text: str | None = None


class Expected(Struct, forbid_unknown_fields=True):
    """What the answer must be like: one of these statuses, and each of the others that is given."""

    status: int | list[int]
    json: Any = UNSET  # objects may have more keys; lists are equal in length; numbers within 1e-5
    equal: Any = UNSET  # the whole body
    absent: list[str] = []  # keys that the body does not have


class Step(Struct, forbid_unknown_fields=True):
    """One thing that happens; exactly one of these, and `expect` with a request."""

    model: dict[str, str] | None = None
    write: Written | None = None
    remove: str | None = None
    start: Started | None = None
    request: Asked | None = None
    expect: Expected | None = None


class Scenario(Facts, kw_only=True):
    """What happens, in order."""

    steps: list[Step]


class BrokenScenarioError(Exception):
    """A step did not go as it should; the text says which and how."""


def load_scenarios(file: Path) -> list[Scenario]:
    """The scenarios of a file."""
    return convert(json.loads(file.read_bytes()), list[Scenario])


class Stage:
    """One scenario's folder and server. `models` is where the reference models lie."""

    def __init__(self, folder: Path, models: Path, dialect: str) -> None:
        self._root = folder / "root"
        self._root.mkdir()
        self._log = folder / "log"
        self._models = models
        self._dialect = dialect
        self._stack = ExitStack()
        self._addresses: Addresses | None = None

    def play(self, scenario: Scenario) -> None:
        """Take every step.

        Errors: BrokenScenarioError.
        """
        with self._stack:
            for number, step in enumerate(scenario.steps, 1):
                problems = list(self._take(step))
                if problems:
                    raise BrokenScenarioError(f"step {number}: {'; '.join(problems)}")

    def _take(self, step: Step) -> Iterator[str]:
        if step.model is not None:
            source, to = step.model["from"], self._path(step.model["to"])
            shutil.copytree(self._models / source, to, dirs_exist_ok=True)
        elif step.write is not None:
            self._write(step.write)
        elif step.remove is not None:
            path = self._path(step.remove)
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        elif step.start is not None:
            self._start(step.start)
        elif step.request is not None and step.expect is not None:
            yield from self._ask(step.request, step.expect)
        else:
            yield "nothing that this reader knows"

    def _write(self, written: Written) -> None:
        path = self._path(written.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = written.text if written.text is not None else json.dumps(written.json)
        path.write_text(self._filled(text), encoding="utf-8")

    def _start(self, started: Started) -> None:
        # Our own --host and --port before, so that the server takes free ports of this machine.
        flags = ["--as", self._dialect, "--rest_port", "1", "--file_system_poll_wait_seconds", "0"]
        if started.config is not None:
            flags += ["--config_path", str(self._path(started.config))]
        else:
            flags += ["--model_name", started.model_name or ""]
            flags += ["--model_path", str(self._path(started.model_path or ""))]
        self._addresses = self._stack.enter_context(serving(flags, self._log))

    def _ask(self, asked: Asked, expected: Expected) -> Iterator[str]:
        assert self._addresses is not None, "a request before the start"
        answer = sent(self._addresses.http, asked)
        wanted = expected.status if isinstance(expected.status, list) else [expected.status]
        where = f"{asked.method} {asked.path}"
        if answer.status not in wanted:
            yield f"{where}: {wanted} expected, {answer.status} {answer.body.decode()} given"
            return
        if expected.json is UNSET and expected.equal is UNSET and not expected.absent:
            return
        document = json.loads(answer.body)
        if expected.equal is not UNSET and document != expected.equal:
            yield f"{where}: {expected.equal!r} expected, {document!r} given"
        if expected.json is not UNSET:
            yield from (f"{where}: {what}" for what in unlike(expected.json, document, "body"))
        yield from (f"{where}: {key} is not wanted" for key in expected.absent if key in document)

    def _path(self, text: str) -> Path:
        return self._root / self._filled(text)  # an absolute path stays as it is

    def _filled(self, text: str) -> str:
        return text.replace(ROOT, str(self._root))


def sent(address: Address, asked: Asked) -> Answer:
    """The answer to a request."""
    body = asked.text.encode() if asked.text is not None else None
    if not isinstance(asked.body, UnsetType):
        body = json.dumps(asked.body).encode()
    lines = [
        f"{asked.method} {asked.path} HTTP/1.1",
        f"Host: {address.host}:{address.port}",
        "Connection: close",
    ]
    if body is not None or asked.method == "POST":
        lines.append(f"Content-Length: {len(body or b'')}")
    head = "\r\n".join([*lines, "", ""]).encode()
    try:
        return exchange(address, asked.method, head + (body or b""))
    except (OSError, http.client.HTTPException) as error:
        raise BrokenScenarioError(f"{asked.method} {asked.path}: no whole answer: {error!r}") from error


def unlike(expected: Any, given: Any, path: str) -> Iterator[str]:
    """Where a value is not as expected."""
    if isinstance(expected, Mapping) and isinstance(given, Mapping):
        for key, value in expected.items():
            if key in given:
                yield from unlike(value, given[key], f"{path}.{key}")
            else:
                yield f"{path}.{key} is missing"
    elif isinstance(expected, list) and isinstance(given, list):
        if len(expected) != len(given):
            yield f"{path}: {len(expected)} elements expected, {len(given)} given"
        for index, (one, other) in enumerate(zip(expected, given, strict=False)):
            yield from unlike(one, other, f"{path}[{index}]")
    elif isinstance(expected, float) and isinstance(given, int | float):
        if not math.isclose(expected, given, rel_tol=0, abs_tol=ABSOLUTE):
            yield f"{path}: {expected!r} expected, {given!r} given"
    elif expected != given:
        yield f"{path}: {expected!r} expected, {given!r} given"
