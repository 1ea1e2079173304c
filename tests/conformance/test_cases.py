"""Every conformance case on every listener that it is meant for."""

from pathlib import Path

import pytest

from tests.conformance.cases import Case, load
from tests.conformance.report import describe
from tests.conformance.runner import FAILING, Outcome, Servers, collisions, run_case
from tests.conformance.suites import SUITES, Run

FOLDER = Path(__file__).parent
CASES = [
    pytest.param(name, run, case, id=f"{Path(name).stem}-{run.listener.name}-{case.id}")
    for name, runs in SUITES.items()
    for run in runs
    for case in load(FOLDER / name)
]


@pytest.mark.parametrize(("name", "run", "case"), CASES)
def test_a_case_holds(name: str, run: Run, case: Case, servers: Servers) -> None:
    listed = collisions(name, run)
    address = servers.address(run.listener)
    result = run_case(address, case, lenient=run.lenient, collision=case.id in listed)
    if result.outcome is Outcome.UNCERTAIN:
        pytest.xfail(f"not verified against the reference: {'; '.join(result.problems)}")
    assert result.outcome not in FAILING, f"\n{describe(result)}"


@pytest.mark.parametrize(("name", "run"), [(name, run) for name, runs in SUITES.items() for run in runs])
def test_the_list_of_collisions_names_certain_cases_only(name: str, run: Run) -> None:
    certain = {case.id for case in load(FOLDER / name) if case.certain}
    assert collisions(name, run).keys() <= certain
