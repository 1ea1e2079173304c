"""Every scenario of OpenVINO Model Server, each with a server of its own."""

from pathlib import Path

import pytest

from tests.conformance import reference_models
from tests.conformance.scenarios import BrokenScenarioError, Scenario, Stage, load_scenarios, unlike

SCENARIOS = load_scenarios(Path(__file__).parent / "ovms.json")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    reference_models.write(folder)
    return folder


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
def test_a_scenario_holds(scenario: Scenario, models: Path, tmp_path: Path) -> None:
    try:
        Stage(tmp_path, models, "ovms").play(scenario)
    except BrokenScenarioError as error:
        if not scenario.certain:
            pytest.xfail(f"not verified against the reference: {error}")
        pytest.fail(f"{scenario.why}\n{error}", pytrace=False)


@pytest.mark.parametrize(
    ("expected", "given", "found"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": 1}, {"b": 2}, ["body.a is missing"]),
        ([1, 2], [1], ["body: 2 elements expected, 1 given"]),
        ([1.0], [1.000001], []),
        ([1.0], [1.1], ["body[0]: 1.0 expected, 1.1 given"]),
        ("a", "b", ["body: 'a' expected, 'b' given"]),
    ],
)
def test_what_differs_is_found(expected: object, given: object, found: list[str]) -> None:
    assert list(unlike(expected, given, "body")) == found
