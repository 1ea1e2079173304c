"""Statistics as Triton's clients read them."""

import json
from typing import Any

from dragoman.core.statistics import Run, VersionStatistics
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.core.tensors import DType
from tests.unit.protocols.kserve_v2.protocol import PROTOCOL
from tests.unit.protocols.tfs.reference import Codec, echo_signature

SIGNATURES = {"serving_default": echo_signature(DType.FP32)}


def busy() -> VersionStatistics:
    """Two requests in one batch of five, one by itself that was streamed, and a failure."""
    statistics = VersionStatistics()
    batch = statistics.ran(5, 700)
    for rows in (2, 3):
        statistics.succeed(Run(700, 40, rows, batch), 10, 20, 0, 1000)
    statistics.part(0).add(30, 4, empty=False)
    statistics.part(1).add(50, 6, empty=True)
    statistics.succeed(Run(80), 1, 10, 0, 100)
    statistics.fail(77)
    statistics.part(0).failed.add(5)
    return statistics


def version(number: int, state: State = State.READY) -> VersionStatus:
    return VersionStatus(number, state, "onnx", signatures=SIGNATURES, statistics=busy())


REPORT = StatusReport(
    {
        "a": ModelStatus("a", (version(1), version(2), version(3, State.UNLOADING))),
        "stats": ModelStatus("stats", (version(7),)),
        "waits": ModelStatus("waits", (VersionStatus(1, State.LOADING),)),
    }
)
CODEC = Codec("superset", REPORT, PROTOCOL)


def get(path: str) -> tuple[int, Any]:
    response = CODEC.answer("GET", path)
    return response.status, json.loads(bytes(response.body))


def listed(path: str) -> list[tuple[str, str]]:
    status, body = get(path)
    assert status == 200
    return [(entry["name"], entry["version"]) for entry in body["model_stats"]]


def test_all_versions_that_serve_are_told_of_even_beside_a_model_called_stats() -> None:
    assert listed("/v2/models/stats") == [("a", "1"), ("a", "2"), ("stats", "7")]
    assert listed("/v2/models/stats/stats") == [("stats", "7")]
    assert listed("/v2/models/a/stats") == [("a", "1"), ("a", "2")]
    assert listed("/v2/models/a/versions/2/stats") == [("a", "2")]


def test_what_is_not_there_or_does_not_serve_is_refused() -> None:
    status, body = get("/v2/models/nope/stats")
    assert status == 404
    assert body["error"].startswith("Request for unknown model")
    assert get("/v2/models/a/versions/9/stats")[0] == 404
    assert get("/v2/models/waits/stats")[0] == 503


def test_a_version_tells_its_counters_under_tritons_names() -> None:
    _, body = get("/v2/models/a/versions/1/stats")
    entry = body["model_stats"][0]
    assert entry["inference_count"] == 6
    assert entry["execution_count"] == 2
    assert entry["inference_stats"] == {
        "success": {"count": 3, "ns": 2100},
        "fail": {"count": 1, "ns": 77},
        "queue": {"count": 3, "ns": 80},
        "compute_input": {"count": 3, "ns": 21},
        "compute_infer": {"count": 3, "ns": 1480},
        "compute_output": {"count": 3, "ns": 50},
        "cache_hit": {"count": 0, "ns": 0},
        "cache_miss": {"count": 0, "ns": 0},
    }
    assert entry["batch_stats"] == [
        {
            "batch_size": 1,
            "compute_input": {"count": 1, "ns": 1},
            "compute_infer": {"count": 1, "ns": 80},
            "compute_output": {"count": 1, "ns": 10},
        },
        {
            "batch_size": 5,
            "compute_input": {"count": 1, "ns": 20},
            "compute_infer": {"count": 1, "ns": 700},
            "compute_output": {"count": 1, "ns": 40},
        },
    ]
    assert entry["response_stats"]["0"] == {
        "compute_infer": {"count": 1, "ns": 30},
        "compute_output": {"count": 1, "ns": 4},
        "success": {"count": 1, "ns": 34},
        "fail": {"count": 1, "ns": 5},
        "empty_response": {"count": 0, "ns": 0},
        "cancel": {"count": 0, "ns": 0},
    }
    assert entry["response_stats"]["1"]["empty_response"] == {"count": 1, "ns": 56}
    assert entry["memory_usage"] == []
    assert isinstance(entry["last_inference"], int)


def test_a_version_without_counters_has_every_key_all_the_same() -> None:
    bare = VersionStatus(1, State.READY, signatures=SIGNATURES)
    report = StatusReport({"m": ModelStatus("m", (bare,))})
    response = Codec("superset", report, PROTOCOL).answer("GET", "/v2/models/m/stats")
    entry = json.loads(bytes(response.body))["model_stats"][0]
    assert entry.keys() == get("/v2/models/a/versions/1/stats")[1]["model_stats"][0].keys()
    assert (entry["inference_count"], entry["last_inference"], entry["batch_stats"]) == (0, 0, [])
