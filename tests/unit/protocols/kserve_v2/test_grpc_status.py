"""Health, readiness and metadata over gRPC."""

from typing import Any

import pytest

from dragoman import __version__
from dragoman.core.errors import Code, DragomanError
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.protocols.kserve_v2.grpc_status import answer_model_ready
from tests.unit.protocols.kserve_v2.grpc_calls import (
    INVALID_ARGUMENT,
    MESSAGES,
    NOT_FOUND,
    OK,
    SERVICE,
    UNAVAILABLE,
    call,
    wire,
)
from tests.unit.protocols.tfs.reference import REPORT

LOADING = StatusReport({"slow": ModelStatus("slow", (VersionStatus(3, State.LOADING, "onnx"),))})


def ask(method: str, report: StatusReport = REPORT, **request: Any) -> Any:
    response = call(MESSAGES[f"{method}Request"](**request), f"{SERVICE}/{method}", report=report)
    assert response.status == OK, response.message
    return MESSAGES[f"{method}Response"].FromString(response.body)


def refused(method: str, report: StatusReport = REPORT, **request: Any) -> tuple[int, str]:
    response = call(MESSAGES[f"{method}Request"](**request), f"{SERVICE}/{method}", report=report)
    return response.status, response.message


def test_the_server_is_alive_and_says_whether_it_is_ready() -> None:
    assert ask("ServerLive").live
    assert ask("ServerLive", LOADING).live
    assert ask("ServerReady").ready
    assert not ask("ServerReady", LOADING).ready


def test_the_server_names_itself_its_version_and_what_it_can() -> None:
    answer = ask("ServerMetadata")
    assert (answer.name, answer.version) == ("dragoman", __version__)
    assert {"classification", "binary_tensor_data"} <= set(answer.extensions)


@pytest.mark.parametrize(("name", "version", "ready"), [
    ("half_plus_two", "", True), ("half_plus_two", "1", True), ("half_plus_two", "3", False),
    ("half_plus_two", "x", False), ("nope", "", False), ("", "", False),
])  # fmt: skip
def test_whether_a_model_is_ready_is_an_answer_and_never_a_failure(
    name: str, version: str, ready: bool
) -> None:
    assert ask("ModelReady", name=name, version=version).ready is ready


def test_a_model_that_is_loading_is_not_ready() -> None:
    assert not ask("ModelReady", LOADING, name="slow").ready
    assert not ask("ModelReady", LOADING, name="slow", version="3").ready


def test_who_may_not_see_a_model_is_not_told_whether_it_is_ready() -> None:
    class Closed(dict[str, ModelStatus]):
        def get(self, *_: Any) -> Any:
            raise DragomanError(Code.UNAUTHENTICATED, "who are you?")

    message = wire(MESSAGES["ModelReadyRequest"](name="secret"))
    with pytest.raises(DragomanError, match="who are you"):
        answer_model_ready(message, StatusReport(Closed()))


def test_metadata_tells_versions_types_and_shapes() -> None:
    answer = ask("ModelMetadata", name="half_plus_two")
    assert (answer.name, list(answer.versions), answer.platform) == ("half_plus_two", ["1", "2"], "numpy")
    (x,) = answer.inputs
    assert (x.name, x.datatype, list(x.shape)) == ("x", "FP32", [-1])
    assert [output.name for output in answer.outputs] == ["y"]
    assert list(ask("ModelMetadata", name="half_plus_two", version="1").versions) == ["1"]


@pytest.mark.parametrize(("name", "version", "told"), [
    ("nope", "", "'nope' is not found"),
    ("half_plus_two", "7", "'half_plus_two' version 7 is not found"),
    ("half_plus_two", "new", "'half_plus_two' version new is not found"),
])  # fmt: skip
def test_metadata_of_what_is_not_there_is_not_found(name: str, version: str, told: str) -> None:
    expected = (NOT_FOUND, f"Request for unknown model: {told}")
    assert refused("ModelMetadata", name=name, version=version) == expected


def test_metadata_of_what_is_loading_is_unavailable() -> None:
    told = "model 'slow' is not ready: version 3 is loading"
    assert refused("ModelMetadata", LOADING, name="slow") == (UNAVAILABLE, told)


def test_what_is_no_message_is_refused() -> None:
    for method in ("ModelReady", "ModelMetadata"):
        response = call(b"\xff", f"{SERVICE}/{method}")
        told = f"the message is no valid inference.{method}Request"
        assert (response.status, response.message) == (INVALID_ARGUMENT, told)
