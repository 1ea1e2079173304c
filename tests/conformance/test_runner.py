"""The runner fails what is wrong, on a live server."""

import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.conformance.cases import Expectation, load
from tests.conformance.forms import HTTP
from tests.conformance.report import describe
from tests.conformance.runner import Outcome, Servers, run_case
from tests.conformance.suites import TFSERVING
from tests.server_process import Address, Addresses, ServerFailedError, serving

CASE = next(case for case in load(Path(__file__).parent / "tfserving_rest.json") if case.id == "hp2-row-v1")
WRONG = msgspec.structs.replace(CASE, expect=Expectation(200, json={"predictions": [2.5, 3.0, 4.6]}))


@pytest.fixture
def addresses(servers: Servers) -> Addresses:
    return servers.addresses(TFSERVING)


def test_a_wrong_expectation_fails_and_is_described(addresses: Addresses) -> None:
    result = run_case(addresses, HTTP, WRONG)
    assert result.outcome is Outcome.FAILED
    report = describe(result)
    for part in ("hp2-row-v1", "/v1/models/half_plus_two", '{"instances": [1.0, 2.0, 5.0]}', "4.6", "4.5"):
        assert part in report


def test_a_wrong_expectation_of_an_uncertain_case_is_only_reported(addresses: Addresses) -> None:
    uncertain = msgspec.structs.replace(WRONG, certain=False)
    assert run_case(addresses, HTTP, uncertain).outcome is Outcome.UNCERTAIN


def test_another_expectation_that_is_met_is_enough(addresses: Addresses) -> None:
    either = msgspec.structs.replace(WRONG, also_ok=[CASE.expect])
    assert run_case(addresses, HTTP, either).outcome is Outcome.PASSED


def test_a_case_that_is_listed_as_failing_must_fail(addresses: Addresses) -> None:
    for outcome in (Outcome.COLLISION, Outcome.WAITING):
        assert run_case(addresses, HTTP, WRONG, fails=outcome).outcome is outcome
        assert run_case(addresses, HTTP, CASE, fails=outcome).outcome is Outcome.STALE


def test_a_case_that_needs_what_is_not_there_is_skipped(addresses: Addresses) -> None:
    result = run_case(addresses, HTTP, msgspec.structs.replace(CASE, needs=["a moon"]))
    assert result.outcome is Outcome.SKIPPED
    assert result.problems == ["needs a moon"]


def test_no_answer_at_all_is_a_failure(unused: Addresses) -> None:
    result = run_case(unused, HTTP, CASE)
    assert result.outcome is Outcome.FAILED
    assert "no whole answer" in result.problems[0]


@pytest.fixture
def unused() -> Addresses:
    """Where nothing listens: a port that was just let go."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address(*listener.getsockname())
    return Addresses(address, address)


def test_a_server_that_does_not_start_is_told_with_its_log(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerFailedError, match="nowhere"),
        serving([str(tmp_path / "nowhere")], tmp_path / "log"),
    ):
        pass


def test_the_command_exits_with_1_where_a_certain_case_fails(tmp_path: Path) -> None:
    cases = [msgspec.to_builtins(case) for case in (CASE, WRONG)]
    for number, case in enumerate(cases):
        case["id"] = f"case-{number}"
        case["expect"] = {key: value for key, value in case["expect"].items() if value}
    (tmp_path / "tfserving_rest.json").write_bytes(msgspec.json.encode(cases))
    run = subprocess.run(
        [sys.executable, "-m", "tests.conformance", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stderr
    assert "tfserving_rest.json on tfserving: 1 passed, 1 failed" in run.stdout
    assert "case-1: failed" in run.stdout
