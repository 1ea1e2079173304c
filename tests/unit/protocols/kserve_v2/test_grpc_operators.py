"""Statistics and configuration over gRPC: what REST says, as messages."""

import json
from typing import Any

import pytest

from dragoman.core.configuration import Batching, ModelConfiguration
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.wire.protobuf import message_class
from tests.unit.protocols.kserve_v2.grpc_calls import NOT_FOUND, OK, SERVICE, UNAVAILABLE, call
from tests.unit.protocols.kserve_v2.test_statistics import CODEC, REPORT, SIGNATURES


def ask(method: str, report: StatusReport = REPORT, **request: Any) -> Any:
    response = call(
        message_class(f"inference.{method}Request")(**request), f"{SERVICE}/{method}", report=report
    )
    assert response.status == OK, response.message
    return message_class(f"inference.{method}Response").FromString(response.body)


def refused(method: str, report: StatusReport = REPORT, **request: Any) -> int:
    message = message_class(f"inference.{method}Request")(**request)
    return call(message, f"{SERVICE}/{method}", report=report).status


def listed(**request: str) -> list[tuple[str, str]]:
    return [(entry.name, entry.version) for entry in ask("ModelStatistics", **request).model_stats]


def test_statistics_are_of_one_version_of_one_model_or_of_all() -> None:
    assert listed() == [("a", "1"), ("a", "2"), ("stats", "7")]
    assert listed(name="a") == [("a", "1"), ("a", "2")]
    assert listed(name="a", version="2") == [("a", "2")]


def test_statistics_are_those_of_rest() -> None:
    rest = json.loads(bytes(CODEC.answer("GET", "/v2/models/a/versions/1/stats").body))["model_stats"][0]
    entry = ask("ModelStatistics", name="a", version="1").model_stats[0]
    assert entry.inference_count == rest["inference_count"] == 6
    assert entry.execution_count == rest["execution_count"]
    for name, times in rest["inference_stats"].items():
        told = getattr(entry.inference_stats, name)
        assert (told.count, told.ns) == (times["count"], times["ns"])
    assert [batch.batch_size for batch in entry.batch_stats] == [1, 5]
    assert entry.batch_stats[1].compute_infer.ns == 700
    assert sorted(entry.response_stats) == ["0", "1"]
    assert entry.response_stats["0"].success.ns == 34


@pytest.mark.parametrize("method", ["ModelStatistics", "ModelConfig"])
def test_what_is_not_there_or_does_not_serve_is_refused(method: str) -> None:
    assert refused(method, name="nope") == NOT_FOUND
    assert refused(method, name="a", version="9") == NOT_FOUND
    assert refused(method, name="a", version="x") == NOT_FOUND
    assert refused(method, name="waits") == UNAVAILABLE


def test_a_configuration_is_that_of_rest() -> None:
    told = ModelConfiguration("model.onnx", Batching(16))
    version = VersionStatus(1, State.READY, "onnx", signatures=SIGNATURES, configuration=told)
    config = ask("ModelConfig", StatusReport({"m": ModelStatus("m", (version,))}), name="m").config
    assert (config.name, config.platform, config.max_batch_size) == ("m", "onnxruntime_onnx", 16)
    assert [tensor.name for tensor in config.input] == ["x"]
    assert list(config.dynamic_batching.preferred_batch_size) == [16]
