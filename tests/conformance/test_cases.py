"""Every conformance case on every listener that it is meant for."""

import json
from pathlib import Path

import pytest

from tests.conformance.cases import Facts
from tests.conformance.report import describe
from tests.conformance.runner import (
    COLLISIONS,
    FAILING,
    WAITING,
    Outcome,
    Servers,
    cases_of,
    collisions,
    expected_failure,
    run_case,
    waiting,
)
from tests.conformance.suites import SUITES, Run

FOLDER = Path(__file__).parent
CASES = [
    pytest.param(name, run, case, id=f"{Path(name).stem}-{run.listener.name}-{case.id}")
    for name, suite in SUITES.items()
    for run in suite.runs
    for case in cases_of(suite.form, FOLDER / name, run.listener)
]


@pytest.mark.parametrize(("name", "run", "case"), CASES)
def test_a_case_holds(name: str, run: Run, case: Facts, servers: Servers) -> None:
    addresses = servers.addresses(run.listener)
    form = SUITES[name].form
    fails = expected_failure(name, run, case)
    result = run_case(addresses, form, case, lenient=run.lenient, fails=fails)
    if result.outcome is Outcome.UNCERTAIN:
        pytest.xfail(f"not verified against the reference: {'; '.join(result.problems)}")
    assert result.outcome not in FAILING, f"\n{describe(result)}"


@pytest.mark.parametrize(
    ("name", "run"), [(name, run) for name, suite in SUITES.items() for run in suite.runs]
)
def test_what_is_listed_as_failing_are_certain_cases_each_listed_once(name: str, run: Run) -> None:
    cases = cases_of(SUITES[name].form, FOLDER / name, run.listener)
    certain = {case.id for case in cases if case.certain}
    assert collisions(name, run).keys() <= certain
    assert waiting(name, run).keys() <= certain - collisions(name, run).keys()
    assert all(waiting(name, run).values())


def test_what_is_listed_as_failing_is_of_runs_that_there_are() -> None:
    runs = {(name, run.listener.name) for name, suite in SUITES.items() for run in suite.runs}
    for lists in (COLLISIONS, WAITING):
        listed = json.loads(lists.read_bytes())
        assert {(name, listener) for name, by_listener in listed.items() for listener in by_listener} <= runs
