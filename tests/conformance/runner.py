"""Runs cases against live servers and says which hold."""

import enum
import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from tests.conformance import reference_models
from tests.conformance.cases import Case
from tests.conformance.compare import differences
from tests.conformance.exchange import Answer, exchange
from tests.conformance.suites import PROVIDED, Listener, Run
from tests.server_process import Address, serving

COLLISIONS: Final = Path(__file__).parent / "collisions.json"


class Outcome(enum.Enum):
    """What became of a case. FAILED and STALE fail a run; the value is the word in reports."""

    PASSED = "passed"
    FAILED = "failed"
    UNCERTAIN = "failed but uncertain"
    COLLISION = "failed as the list of collisions says"
    STALE = "passed although listed as a collision"
    SKIPPED = "skipped"


FAILING: Final = frozenset({Outcome.FAILED, Outcome.STALE})


class Result(NamedTuple):
    """A case's outcome; `problems` says what was wrong, `answer` None = there was none."""

    case: Case
    outcome: Outcome
    problems: list[str]
    answer: Answer | None = None


class Servers:
    """Fresh servers of the reference models, one per listener, started when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._addresses: dict[Listener, Address] = {}

    def __enter__(self) -> Self:
        reference_models.write(self._folder / "models")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def address(self, listener: Listener) -> Address:
        """Where the server of this listener answers."""
        if listener not in self._addresses:
            arguments = [str(self._folder / "models"), *listener.arguments]
            server = serving(arguments, self._folder / f"{listener.name}.log")
            self._addresses[listener] = self._stack.enter_context(server).http
        return self._addresses[listener]


def collisions(file: str, run: Run) -> Mapping[str, str]:
    """The cases of a file that this listener answers otherwise on purpose, each with the reason."""
    listed = json.loads(COLLISIONS.read_bytes())
    found: Mapping[str, str] = listed.get(file, {}).get(run.listener.name, {})
    return found


def run_case(address: Address, case: Case, *, lenient: bool = False, collision: bool = False) -> Result:
    """Send the case's request and judge the answer."""
    if missing := set(case.needs) - PROVIDED:
        return Result(case, Outcome.SKIPPED, [f"needs {', '.join(sorted(missing))}"])
    try:
        answer = exchange(address, case.method, case.request(f"{address.host}:{address.port}"))
    except (OSError, http.client.HTTPException) as error:
        return Result(case, _outcome(case, False, collision), [f"no whole answer: {error!r}"])
    problems = _problems(case, answer, lenient)
    return Result(case, _outcome(case, not problems, collision), problems, answer)


def _problems(case: Case, answer: Answer, lenient: bool) -> list[str]:
    found: list[str] = []
    for expected in case.accepted:
        problems = differences(expected.lenient() if lenient else expected, answer)
        if not problems:
            return []
        found += problems
    return found


def _outcome(case: Case, holds: bool, collision: bool) -> Outcome:
    if collision:
        return Outcome.STALE if holds else Outcome.COLLISION
    if holds:
        return Outcome.PASSED
    return Outcome.FAILED if case.certain else Outcome.UNCERTAIN


def run_suite(address: Address, cases: list[Case], run: Run, listed: Mapping[str, str]) -> Iterator[Result]:
    """Every case of a file on one listener, in order."""
    for case in cases:
        yield run_case(address, case, lenient=run.lenient, collision=case.id in listed)
