"""The cases of the reference models hold with OpenVINO in ONNX Runtime's place, where ranks are fixed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance import reference_models
from tests.conformance.cases import Facts
from tests.conformance.report import describe
from tests.conformance.runner import FAILING, Outcome, Servers, cases_of, collisions, run_case
from tests.conformance.suites import SUITES, Listener, Run

MODELS = sorted({name for name, _ in reference_models.reference_models() if not name.startswith("echo_")})
CASES = Path(__file__).parents[1] / "conformance"
RUNS = [
    pytest.param(name, run, case, id=f"{Path(name).stem}-{run.listener.name}-{case.id}")
    for name, suite in SUITES.items()
    if name.startswith(("tfserving", "v2"))
    for run in suite.runs
    for case in cases_of(suite.form, CASES / name, run.listener)
    if any(model in repr(case) for model in MODELS)
    if not any(other in repr(case) for other in ("echo_", "onnxruntime"))  # the engine's name in metadata
]


def write(models: Path) -> None:
    """The reference models, these in OpenVINO."""
    reference_models.write(models)
    for model in MODELS:
        sidecar = models / model / "model.yaml"
        said = sidecar.read_text(encoding="utf-8") if sidecar.exists() else ""
        sidecar.write_text(f"{said}engine: openvino\n", encoding="utf-8")


def in_openvino(listener: Listener) -> Listener:
    """The same way to start the server, with those models."""
    return listener._replace(write=write)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Servers(tmp_path_factory.mktemp("openvino")) as running:
        yield running


@pytest.mark.parametrize(("name", "run", "case"), RUNS)
def test_a_case_holds(name: str, run: Run, case: Facts, servers: Servers) -> None:
    listed = case.id in collisions(name, run)
    addresses = servers.addresses(in_openvino(run.listener))
    result = run_case(
        addresses, SUITES[name].form, case, lenient=run.lenient, fails=Outcome.COLLISION if listed else None
    )
    if result.outcome is Outcome.UNCERTAIN:
        pytest.xfail(f"not verified against the reference: {'; '.join(result.problems)}")
    assert result.outcome not in FAILING, f"\n{describe(result)}"
