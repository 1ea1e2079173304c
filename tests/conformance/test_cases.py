"""Every conformance case on every listener that it is meant for."""

from pathlib import Path

import pytest

from tests.conformance.cases import Facts
from tests.conformance.report import describe
from tests.conformance.runner import FAILING, Outcome, Servers, cases_of, collisions, run_case
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
    listed = collisions(name, run)
    addresses = servers.addresses(run.listener)
    form = SUITES[name].form
    result = run_case(addresses, form, case, lenient=run.lenient, collision=case.id in listed)
    if result.outcome is Outcome.UNCERTAIN:
        pytest.xfail(f"not verified against the reference: {'; '.join(result.problems)}")
    assert result.outcome not in FAILING, f"\n{describe(result)}"


@pytest.mark.parametrize(
    ("name", "run"), [(name, run) for name, suite in SUITES.items() for run in suite.runs]
)
def test_the_list_of_collisions_names_certain_cases_only(name: str, run: Run) -> None:
    cases = cases_of(SUITES[name].form, FOLDER / name, run.listener)
    certain = {case.id for case in cases if case.certain}
    assert collisions(name, run).keys() <= certain
