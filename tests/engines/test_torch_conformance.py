"""The cases of the reference models hold for exported programs of PyTorch, which run in workers."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance import reference_models
from tests.conformance.cases import Facts
from tests.conformance.report import describe
from tests.conformance.runner import FAILING, Outcome, Servers, cases_of, collisions, run_case
from tests.conformance.suites import SUITES, Listener, Run
from tests.engines.torch_programs import REFERENCE

MODELS = {name for name, _ in REFERENCE}
CASES = Path(__file__).parents[1] / "conformance"
OTHERS = ("echo_", "mixed", "bytes_out", "onnxruntime")  # models that stay what they are; the engine's name
RUNS = [
    pytest.param(name, run, case, id=f"{Path(name).stem}-{run.listener.name}-{case.id}")
    for name, suite in SUITES.items()
    if name.startswith(("tfserving", "v2", "kserve"))
    for run in suite.runs
    for case in cases_of(suite.form, CASES / name, run.listener)
    if any(model in repr(case) for model in MODELS)
    if not any(other in repr(case) for other in OTHERS)
]


def write(models: Path) -> None:
    """The reference models, these in PyTorch."""
    reference_models.write(models)
    for (name, version), export in REFERENCE.items():
        folder = models / name / str(version)
        shutil.rmtree(folder)
        folder.mkdir()
        export(folder / "model.pt2")
        said = reference_models.SIDECARS.get(name, "")
        (models / name / "model.yaml").write_text(f"{said}trust: code\n", encoding="utf-8")


def in_torch(listener: Listener) -> Listener:
    """The same way to start the server, with those models."""
    return listener._replace(write=write)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Servers(tmp_path_factory.mktemp("torch")) as running:
        yield running


@pytest.mark.parametrize(("name", "run", "case"), RUNS)
def test_a_case_holds(name: str, run: Run, case: Facts, servers: Servers) -> None:
    listed = case.id in collisions(name, run)
    addresses = servers.addresses(in_torch(run.listener))
    result = run_case(
        addresses, SUITES[name].form, case, lenient=run.lenient, fails=Outcome.COLLISION if listed else None
    )
    if result.outcome is Outcome.UNCERTAIN:
        pytest.xfail(f"not verified against the reference: {'; '.join(result.problems)}")
    assert result.outcome not in FAILING, f"\n{describe(result)}"
