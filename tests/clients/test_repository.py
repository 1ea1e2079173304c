"""Released clients that operate a server: tritonclient in its four ways, KServe's and MLServer's stubs."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.clients import inference_models
from tests.clients.conftest import Told, run
from tests.clients.environments import Environment
from tests.server_process import Addresses, serving

pytestmark = pytest.mark.clients

ANSWER = {"dtype": "float32", "values": [3.5, 4.0, 5.5]}
FIRST = {"dtype": "float32", "values": [2.5, 3.0, 4.5]}
STATUSES = {  # of the two transports
    "bad": ("400", "StatusCode.INVALID_ARGUMENT"),
    "unknown": ("404", "StatusCode.NOT_FOUND"),
    "not done": ("501", "StatusCode.UNIMPLEMENTED"),
}


class Operated(NamedTuple):
    """A server of its own, since its models come and go."""

    addresses: Addresses
    models: Path


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    folder = tmp_path_factory.mktemp("operated")
    inference_models.write(folder / "models")
    with serving([str(folder / "models"), "--trust-code"], folder / "log") as addresses:
        yield Operated(addresses, folder / "models")


@pytest.fixture(scope="module", params=["http", "grpc"])
def transport(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module", params=["sync", "aio"])
def calls(
    request: pytest.FixtureRequest, transport: str, tritonclient: Environment, operated: Operated
) -> Told:
    address = f"localhost:{getattr(operated.addresses, transport).port}"
    file = operated.models / "half_plus_two" / "1" / "model.onnx"
    return run(tritonclient, "tritonclient_control.py", transport, request.param, address, file)


def status(kind: str, transport: str) -> str:
    return STATUSES[kind][transport == "grpc"]


def test_a_model_goes_and_comes_back(calls: Told) -> None:
    assert calls["repository"] == {
        "states": ["READY", "UNAVAILABLE", "READY"],
        "reason": "unloaded",
        "ready": [False, True],
        "answer": ANSWER,
        "broken": "UNAVAILABLE",
    }
    assert calls["unload_with_dependents"] is False


def test_a_configuration_comes_along(calls: Told, transport: str) -> None:
    told = calls["configuration"]
    assert (told["batches"], told["answer"]) == ([0, 16, 16, 0], ANSWER)
    assert told["wrong"]["status"] == status("bad", transport)
    assert "failed to load 'half_plus_two'" in told["wrong"]["message"]


def test_what_is_told_of_a_model_may_be_sent_back(calls: Told) -> None:
    assert calls["what_is_told"] is True


def test_files_come_along(calls: Told, transport: str) -> None:
    told = calls["files"]
    assert (told["answer"], told["listed"], told["listed after"]) == (FIRST, True, False)
    assert told["own"] == ANSWER
    for wrong in ("alone", "away"):
        assert told[wrong]["status"] == status("bad", transport)
        assert told[wrong]["message"].startswith(
            "failed to load 'half_plus_two', failed to poll from model repository"
        )


def test_what_cannot_be_loaded_is_told_in_tritons_words(calls: Told, transport: str) -> None:
    told = calls["errors"]
    assert told["load"]["status"] == told["unload"]["status"] == status("unknown", transport)
    assert told["load"]["message"].startswith("failed to load 'nope', failed to poll from model repository")
    assert told["unload"]["message"] == "Request for unknown model: 'nope' is not found"
    assert told["broken"]["status"] == status("bad", transport)
    assert told["broken"]["message"].startswith("failed to load 'broken': ")


@pytest.mark.parametrize(("kind", "refused"), [("system", "not done"), ("cuda", "bad")])
def test_shared_memory_is_not_there_to_begin_with(
    calls: Told, transport: str, kind: str, refused: str
) -> None:
    told = calls["shared_memory"][kind]
    assert not told["status"]
    assert told["unknown"]["status"] == status("unknown", transport)
    assert told["register"]["status"] == status(refused, transport)


def test_trace_settings_are_told(calls: Told, transport: str) -> None:
    told = calls["traces"]
    assert (told["level"], told["same"]) == (["OFF"], True)
    assert told["changed"]["status"] == status("not done", transport)


def test_log_settings_are_changed(calls: Told, transport: str) -> None:
    told = calls["logs"]
    assert (told["changed"], told["back"]) == ([2, False], True)
    assert told["file"]["status"] == status("not done", transport)


@pytest.fixture(scope="module", params=["kserve", "mlserver"])
def stubs(request: pytest.FixtureRequest, operated: Operated) -> tuple[str, Told]:
    environment = request.getfixturevalue(request.param)
    http, rpc = (f"localhost:{address.port}" for address in operated.addresses[:2])
    return request.param, run(environment, "repository_stubs.py", request.param, rpc, http)


def test_the_stubs_of_kserve_and_mlserver_load_and_unload(stubs: tuple[str, Told]) -> None:
    library, told = stubs
    loaded = True if library == "kserve" else None
    assert told["load_and_unload"] == {"ready": [False, True], "loaded": loaded}
    assert [refused["status"] for refused in told["unknown"]] == ["NOT_FOUND", "NOT_FOUND"]


def test_mlservers_own_service_and_types_take_the_index(stubs: tuple[str, Told]) -> None:
    library, told = stubs
    if library == "mlserver":
        assert told["service_of_its_own"] == {"ready": [False, True], "loaded": None, "state": "READY"}
        assert told["index_over_rest"] == "READY"
