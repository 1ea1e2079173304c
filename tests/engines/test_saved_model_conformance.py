"""The cases of half_plus_two hold for a SavedModel as well, which says of itself what features it takes."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.conformance import reference_models
from tests.conformance.cases import Facts
from tests.conformance.report import describe
from tests.conformance.runner import FAILING, Outcome, Servers, cases_of, collisions, run_case
from tests.conformance.suites import SUITES, Listener, Run
from tests.unit.engines.tensorflow.saved_models import half_plus_two, write_graph

MODEL = "half_plus_two"
SIDECAR = "versions: all\nlabels: {stable: 1, canary: 2}\n"
CASES = Path(__file__).parents[1] / "conformance"
RUNS = [
    pytest.param(name, run, case, id=f"{Path(name).stem}-{run.listener.name}-{case.id}")
    for name, suite in SUITES.items()
    if name.startswith("tfserving")
    for run in suite.runs
    for case in cases_of(suite.form, CASES / name, run.listener)
    if MODEL in repr(case)
]


def write(models: Path) -> None:
    """The reference models, half_plus_two a SavedModel of the same shapes."""
    reference_models.write(models)
    model = models / MODEL
    shutil.rmtree(model)
    for version, offset in ((1, 2.0), (2, 3.0)):
        write_graph(model / str(version), partial(half_plus_two, offset, row=()))
    (model / "model.yaml").write_text(SIDECAR)


def with_saved_model(listener: Listener) -> Listener:
    """The same way to start the server, with those models."""
    return listener._replace(write=write)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Servers(tmp_path_factory.mktemp("saved_models")) as running:
        yield running


@pytest.mark.parametrize(("name", "run", "case"), RUNS)
def test_a_case_holds(name: str, run: Run, case: Facts, servers: Servers) -> None:
    listed = case.id in collisions(name, run)
    addresses = servers.addresses(with_saved_model(run.listener))
    result = run_case(
        addresses, SUITES[name].form, case, lenient=run.lenient, fails=Outcome.COLLISION if listed else None
    )
    if result.outcome is Outcome.UNCERTAIN:
        pytest.xfail(f"not verified against the reference: {'; '.join(result.problems)}")
    assert result.outcome not in FAILING, f"\n{describe(result)}"
