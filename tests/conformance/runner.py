"""Runs cases against live servers and says which hold."""

import enum
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from tests.conformance.cases import Facts, load
from tests.conformance.forms import Form, NoAnswerError
from tests.conformance.suites import PROVIDED, Listener, Run, Suite
from tests.server_process import Addresses, serving

COLLISIONS: Final = Path(__file__).parent / "collisions.json"
WAITING: Final = Path(__file__).parent / "waiting.json"


class Outcome(enum.Enum):
    """What became of a case. FAILED and STALE fail a run; the value is the word in reports."""

    PASSED = "passed"
    FAILED = "failed"
    UNCERTAIN = "failed but uncertain"
    COLLISION = "failed as the list of collisions says"
    WAITING = "failed as what it needs is not there yet"
    STALE = "passed although listed as failing"
    SKIPPED = "skipped"


FAILING: Final = frozenset({Outcome.FAILED, Outcome.STALE})


class Result(NamedTuple):
    """A case's outcome; `problems` says what was wrong, `answer` None = there was none."""

    case: Any
    outcome: Outcome
    problems: list[str]
    form: Form
    answer: Any = None


class Servers:
    """Fresh servers of a listener's models, one per listener, started when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._addresses: dict[Listener, Addresses] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def addresses(self, listener: Listener) -> Addresses:
        """Where the server of this listener answers."""
        if listener not in self._addresses:
            models = self._folder / listener.name
            listener.write(models)
            arguments = [argument.format(models=models) for argument in listener.arguments]
            command = arguments if listener.bare else [str(models), *arguments]
            folder = models if listener.bare else None
            log = self._folder / f"{listener.name}.log"
            server = serving(command, log, listener.http, folder, listener.grpc)
            self._addresses[listener] = self._stack.enter_context(server)
        return self._addresses[listener]


def collisions(file: str, run: Run) -> Mapping[str, str]:
    """The cases of a file that this listener answers otherwise on purpose, each with the reason."""
    return listed(COLLISIONS, file, run)


def waiting(file: str, run: Run) -> Mapping[str, str]:
    """The cases of a file that fail on this listener until something is there, each with what that is."""
    return listed(WAITING, file, run)


def listed(lists: Path, file: str, run: Run) -> Mapping[str, str]:
    """The cases of a file on one listener that are listed, each with the reason."""
    found: Mapping[str, str] = json.loads(lists.read_bytes()).get(file, {}).get(run.listener.name, {})
    return found


def expected_failure(file: str, run: Run, case: Facts) -> Outcome | None:
    """Why a case is expected to fail, where a list says so."""
    if case.id in collisions(file, run):
        return Outcome.COLLISION
    return Outcome.WAITING if case.id in waiting(file, run) else None


def cases_of(form: Form, file: Path, listener: Listener) -> list[Any]:
    """The cases of a file that hold on this listener."""
    return [case for case in load(file, form.kind) if case.runs_on(listener.name)]


def run_case(
    addresses: Addresses, form: Form, case: Any, *, lenient: bool = False, fails: Outcome | None = None
) -> Result:
    """Send the case's request and judge the answer; `fails` = what it is when it does, as a list says."""
    if missing := set(case.needs) - PROVIDED:
        return Result(case, Outcome.SKIPPED, [f"needs {', '.join(sorted(missing))}"], form)
    try:
        answer = form.send(addresses, case)
    except NoAnswerError as error:
        return Result(case, _outcome(case, False, fails), [f"no whole answer: {error}"], form)
    problems = _problems(form, case, answer, lenient)
    return Result(case, _outcome(case, not problems, fails), problems, form, answer)


def _problems(form: Form, case: Any, answer: Any, lenient: bool) -> list[str]:
    found: list[str] = []
    for expected in case.accepted:
        problems = form.differences(case, expected.lenient() if lenient else expected, answer)
        if not problems:
            return []
        found += problems
    return found


def _outcome(case: Facts, holds: bool, fails: Outcome | None) -> Outcome:
    if fails is not None:
        return Outcome.STALE if holds else fails
    if holds:
        return Outcome.PASSED
    return Outcome.FAILED if case.certain else Outcome.UNCERTAIN


def run_suite(addresses: Addresses, suite: Suite, file: Path, run: Run) -> Iterator[Result]:
    """Every case of a file on one listener, in order."""
    for case in cases_of(suite.form, file, run.listener):
        fails = expected_failure(file.name, run, case)
        yield run_case(addresses, suite.form, case, lenient=run.lenient, fails=fails)
