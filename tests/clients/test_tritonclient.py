"""The released tritonclient, unchanged, over HTTP and gRPC, blocking and asynchronous: what all four do."""

from collections.abc import Iterator

import pytest

from dragoman import __version__
from tests.clients.conftest import Told, run
from tests.clients.environments import Environment
from tests.conformance import reference_models
from tests.server_process import Addresses, serving

pytestmark = pytest.mark.clients

STATUSES = {  # those of gRPC by those of HTTP
    "400": "StatusCode.INVALID_ARGUMENT",
    "401": "StatusCode.UNAUTHENTICATED",
    "404": "StatusCode.NOT_FOUND",
    "500": "StatusCode.INTERNAL",
    "501": "StatusCode.UNIMPLEMENTED",
    "503": "StatusCode.UNAVAILABLE",
}


CLOSED = """
version: 1
deployments:
- name: guarded
  model: half_plus_two
  credentials:
  - username: pineapple
    password: {hash: "$2b$04$j9vsjMRXTlZ3CqASJ/BKG.U14Zu9qbt7vAzJWY89kd5SmYpH4WLCW"}
listeners:
  - {port: 0}
  - {port: 0, transport: grpc}
"""


@pytest.fixture(scope="module", params=["http", "grpc"])
def transport(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module", params=["sync", "aio"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def calls(kind: str, transport: str, tritonclient: Environment, inference: Addresses) -> Told:
    address = f"localhost:{getattr(inference, transport).port}"
    return run(tritonclient, "tritonclient_calls.py", transport, kind, address)


@pytest.fixture(scope="session")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """A server of a model that has a password."""
    folder = tmp_path_factory.mktemp("closed")
    reference_models.write(folder / "models")
    (folder / "dragoman.yaml").write_text(CLOSED, encoding="utf-8")
    arguments = [str(folder / "models"), "--config", str(folder / "dragoman.yaml")]
    with serving(arguments, folder / "log") as addresses:
        yield addresses


def float32(*values: float) -> dict[str, object]:
    return {"dtype": "float32", "values": list(values)}


def sizes(transport: str, *given: int) -> list[object]:
    """A shape as the client tells it: protobuf's JSON has 64 bits as texts."""
    return [str(size) if transport == "grpc" else size for size in given]


def test_server_and_models_are_ready_or_not(calls: Told) -> None:
    assert calls["health"] == {
        "live": True,
        "ready": True,
        "models": {"half_plus_two": True, "broken": False, "nope": False},
        "versions": {"the newest": True, "1": True, "99": False},
    }


def test_the_server_tells_its_name_and_what_it_can(calls: Told) -> None:
    told = calls["server_metadata"]
    assert (told["name"], told["version"]) == ("dragoman", __version__)
    assert {"classification", "binary_tensor_data", "model_configuration", "statistics"} <= set(
        told["extensions"]
    )


def test_a_model_tells_its_tensors_and_versions(calls: Told, transport: str) -> None:
    told = calls["model_metadata"]
    shapes = {"tag": ("BYTES", -1), "signal": ("INT64", -1, 5), "sensor": ("INT64", -1, 2, 2)}
    for end, suffix in (("inputs", ""), ("outputs", "_out")):
        assert told["of every type"][end] == [
            {"name": f"{name}{suffix}", "datatype": datatype, "shape": sizes(transport, *shape)}
            for name, (datatype, *shape) in shapes.items()
        ]
    assert told["of every type"]["platform"] == "onnxruntime_onnx"
    assert told["of two versions"]["versions"] == ["1", "2"]
    assert told["of one version"]["versions"] == ["1"]
    assert told["of any rank"]["inputs"] == [{"name": "x", "datatype": "BF16", "shape": sizes(transport, -1)}]


def test_a_model_tells_its_configuration(calls: Told, transport: str) -> None:
    told = calls["config"]
    assert (told["name"], told["platform"], told["backend"]) == ("mixed", "onnxruntime_onnx", "onnxruntime")
    assert told.get("max_batch_size", 0) == 0  # protobuf's JSON leaves out what is 0
    kinds = {"tag": "TYPE_STRING", "signal": "TYPE_INT64", "sensor": "TYPE_INT64"}
    assert {entry["name"]: entry["data_type"] for entry in told["input"]} == kinds
    assert told["output"][2]["dims"] == sizes(transport, -1, 2, 2)


def test_statistics_count_what_was_answered(calls: Told) -> None:
    told = calls["statistics"]
    assert told["answered"] == 2
    assert told["of a model"] == [["add_sub", "1"], ["half_plus_two", "1"], ["half_plus_two", "2"]]
    assert told["of all"] > 20


@pytest.mark.parametrize(
    ("asked", "version", "values"),
    [("newest", "2", (3.5, 4.0, 5.5)), ("1", "1", (2.5, 3.0, 4.5)), ("2", "2", (3.5, 4.0, 5.5))],
)
def test_the_version_that_is_asked_for_answers(
    calls: Told, asked: str, version: str, values: tuple[float, ...]
) -> None:
    assert calls["infer"][asked] == {
        "y": float32(*values),
        "model_name": "half_plus_two",
        "model_version": version,
        "id": None,
    }


def test_every_type_comes_back_bit_for_bit(calls: Told) -> None:
    assert calls["every_type"] == {}


def test_every_shape_comes_back_also_none_and_empty_ones(calls: Told) -> None:
    assert calls["every_shape"] == {}


def test_several_inputs_come_in_any_order_and_some_outputs_may_be_asked_for(calls: Told) -> None:
    assert calls["several_inputs"] == {
        "all": {"sensor": True, "tag": True, "signal": True},
        "some": {"tag": True, "signal": True},
        "not asked for": None,
    }


def test_the_highest_values_are_classes_with_their_labels(calls: Told) -> None:
    first = ["3.300000:1:dog", "0.500000:0:cat", "-1.000000:2:bird"]
    second = ["7.250000:2:bird", "2.000000:0:cat", "2.000000:1:dog"]
    told = calls["classification"]
    for asked, given in {"1": 1, "2": 2, "5": 3}.items():
        rows = [[{"bytes": text} for text in row[:given]] for row in (first, second)]
        assert told[asked] == {"dtype": "object", "values": rows}
    assert told["beside another"] == {
        "sum": {"dtype": "object", "values": [{"bytes": "8.000000:1"}]},
        "diff": float32(-1.0, -2.0),
    }


def test_an_id_comes_back_and_none_is_made_up(calls: Told) -> None:
    odd = 'an id with \N{SNOWMAN} and "quotes"'
    assert calls["request_id"] == {"": None, "7": "7", odd: odd}


def test_everything_else_that_a_request_may_say_is_taken(calls: Told) -> None:
    assert calls["parameters"] == [float32(3.5), float32(3.5)]


def test_compressed_requests_and_answers_are_the_same(calls: Told) -> None:
    assert calls["compression"] == {}


def test_an_array_of_six_megabytes_comes_back_whole(calls: Told) -> None:
    assert calls["large"] is True


def status(transport: str, number: str) -> str:
    return STATUSES[number] if transport == "grpc" else number


def test_a_model_that_answers_in_parts_gives_one_and_no_more(calls: Told, transport: str) -> None:
    told = calls["one_part"]
    assert told["one"] == {"dtype": "int32", "values": [0]}
    assert told["two"]["status"] == status(transport, "501")
    assert told["callers fault"] == {
        "status": status(transport, "400"),
        "message": "there is nothing to count",
    }
    assert told["models fault"]["status"] == status(transport, "500")
    assert "secret" not in told["models fault"]["message"]


UNKNOWN = "Request for unknown model: "
ERRORS = {
    "unknown model": ("404", f"{UNKNOWN}'nope' is not found"),
    "unknown version": ("404", f"{UNKNOWN}'half_plus_two' version 99 is not found"),
    "version that is none": ("404", ""),
    "model that is not ready": ("503", "model 'broken' has no version that serves: version 1 is failed"),
    "unknown input": ("400", "unexpected inference input 'z' for model 'half_plus_two'"),
    "input too many": ("400", "unexpected inference input 'z' for model 'half_plus_two'"),
    "input twice": ("400", "input 'x' already exists in request"),
    "input missing": (
        "400",
        "expected 2 inputs but got 1 inputs for model 'add_sub'. Got input(s) ['INPUT0'], but missing "
        "required input(s) ['INPUT1']. Please provide all required input(s).",
    ),
    "wrong datatype": (
        "400",
        "inference input 'x' data-type is 'INT32', but model 'half_plus_two' expects 'FP32'",
    ),
    "wrong shape": (
        "400",
        "unexpected shape for input 'INPUT1' for model 'add_sub'. Expected [-1,16], got [1,17]",
    ),
    "wrong rank": (
        "400",
        "unexpected shape for input 'x' for model 'half_plus_two'. Expected [-1], got [1,1]",
    ),
    "wrong size": (
        "400",
        "input byte size mismatch for input 'x' for model 'half_plus_two'. Expected 8, got 12",
    ),
    "unknown output": ("400", "unexpected inference output 'nope' for model 'half_plus_two'"),
    "output twice": ("400", "output 'y' already exists in request"),
    "shared memory": ("501", "input 'x'"),
    "classes of booleans": ("400", "output 'y' is of type BOOL, for which there is no classification"),
    "metadata": ("404", f"{UNKNOWN}'nope' is not found"),
    "metadata of a version": ("404", f"{UNKNOWN}'half_plus_two' version 99 is not found"),
    "metadata of a model that is not ready": ("503", "model 'broken' is not ready: version 1 is failed"),
    "config": ("404", f"{UNKNOWN}'nope' is not found"),
    "statistics": ("404", f"{UNKNOWN}'nope' is not found"),
}


@pytest.mark.parametrize("mistake", ERRORS)
def test_a_mistake_is_told_by_status_and_the_same_words_over_both(
    calls: Told, transport: str, mistake: str
) -> None:
    number, words = ERRORS[mistake]
    told = calls["errors"][mistake]
    assert told["status"] == status(transport, number)
    assert told["message"].startswith(words)


def test_a_password_goes_with_the_clients_own_plugin(
    kind: str, transport: str, tritonclient: Environment, closed: Addresses
) -> None:
    address = f"localhost:{getattr(closed, transport).port}"
    told = run(tritonclient, "tritonclient_guarded.py", transport, kind, address)["guarded"]
    unknown = status(transport, "401")
    assert (told["nobody"]["status"], told["wrong"]["status"]) == (unknown, unknown)
    assert told["right"] == float32(3.5)
    assert (told["ready"], told["metadata"]) == (True, True)
