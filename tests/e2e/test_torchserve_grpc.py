"""A server in TorchServe's place: models are managed over gRPC at one address, and called at another."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from dragoman.wire.protobuf import message_class
from tests.conformance import handler_archives
from tests.server_process import Addresses, serving

MANAGEMENT: Final = "org.pytorch.serve.grpc.management"
INFERENCE: Final = "org.pytorch.serve.grpc.inference"
WAIT_S: Final = 30.0
FLAGS: Final = ("--as", "torchserve", "--ts-config")


class Served:
    """The services, by stubs that are as good as generated ones."""

    def __init__(self, addresses: Addresses) -> None:
        (managing,) = addresses.other_grpc
        self.places = {MANAGEMENT: managing, INFERENCE: addresses.grpc}

    def manage(self, method: str, **fields: Any) -> str:
        """The message of an answer."""
        answer = self.ask(MANAGEMENT, f"ManagementAPIsService/{method}", f"{method}Request", fields)
        return str(message_class(f"{MANAGEMENT}.ManagementResponse").FromString(answer).msg)

    def predict(self, model: str, data: bytes, version: str = "") -> bytes:
        """What a model answers."""
        fields = {"model_name": model, "model_version": version, "input": {"body": data}}
        answer = self.ask(INFERENCE, "InferenceAPIsService/Predictions", "PredictionsRequest", fields)
        found: bytes = message_class(f"{INFERENCE}.PredictionResponse").FromString(answer).prediction
        return found

    def ask(self, package: str, method: str, request: str, fields: dict[str, Any], key: str = "") -> bytes:
        message = message_class(f"{package}.{request}")(**fields).SerializeToString()
        place = self.places[package]
        metadata = [("authorization", f"Bearer {key}")] if key else []
        with grpc.insecure_channel(f"{place.host}:{place.port}") as channel:
            call = channel.unary_unary(f"/{package}.{method}")
            answer: bytes = call(message, timeout=WAIT_S, metadata=metadata)
        return answer


@contextmanager
def started(folder: Path, *, tokens: bool = False) -> Iterator[Served]:
    """A server with the archives of the conformance cases."""
    handler_archives.write(folder)
    handler_archives.write_properties(folder, tokens=tokens)
    arguments = [*FLAGS, str(folder / "config.properties")]
    with serving(arguments, folder / "log", http=3, folder=folder, grpc=2) as addresses:
        yield Served(addresses)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with started(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def served_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with started(tmp_path_factory.mktemp("once")) as found:
        yield found


def test_a_model_lives_and_goes_as_management_says(served: Served) -> None:
    said = served.manage(
        "RegisterModel", url="minimal.mar", model_name="new", initial_workers=1, synchronous=True
    )
    assert said == 'Model "new" Version: 1.0 registered with 1 initial workers'
    assert served.predict("new", b"x") == b"x"
    assert "new" in [one["modelName"] for one in json.loads(served.manage("ListModels", limit=100))["models"]]
    said = served.manage("ScaleWorker", model_name="new", min_worker=2, synchronous=True)
    assert said == "Workers scaled to 2 for model: new"
    (described,) = json.loads(served.manage("DescribeModel", model_name="new"))
    assert (described["minWorkers"], len(described["workers"])) == (2, 2)
    assert served.manage("UnregisterModel", model_name="new") == 'Model "new" unregistered'
    with pytest.raises(grpc.RpcError, match="Model not found: new"):
        served.predict("new", b"x")


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 65_537, 3_000_000])
def test_bytes_of_any_number_arrive_whole(served_once: Served, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    assert served_once.predict("echo", data[:size]) == data[:size]


def test_more_than_the_limit_is_refused(served_once: Served) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        served_once.predict("echo", bytes(7_000_000))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert served_once.predict("echo", b"x") == b"x"


def test_the_default_version_is_the_one_that_is_set(served: Served) -> None:
    assert len(json.loads(served.manage("DescribeModel", model_name="echo", model_version="all"))) == 2
    said = served.manage("SetDefault", model_name="echo", model_version="2.0")
    assert said == 'Default version successfully updated for model "echo" to "2.0"'
    (described,) = json.loads(served.manage("DescribeModel", model_name="echo"))
    assert described["modelVersion"] == "2.0"


def test_a_handler_says_of_itself_what_it_likes(served: Served) -> None:
    (described,) = json.loads(served.manage("DescribeModel", model_name="types_out", customized=True))
    assert described["customizedMetadata"] == {"tensor": [1, 2], "note": "custom"}


def test_each_address_has_its_own_services(served: Served) -> None:
    here = f"{MANAGEMENT}.ManagementAPIsService"
    message = message_class(f"{MANAGEMENT}.ListModelsRequest")().SerializeToString()
    place = served.places[INFERENCE]
    with (
        grpc.insecure_channel(f"{place.host}:{place.port}") as channel,
        pytest.raises(grpc.RpcError, match="UNIMPLEMENTED"),
    ):
        channel.unary_unary(f"/{here}/ListModels")(message, timeout=WAIT_S)


def test_each_address_wants_its_own_key_where_there_are_keys(tmp_path: Path) -> None:
    calls = (
        (MANAGEMENT, "ManagementAPIsService/ListModels", "ListModelsRequest", {}, "management"),
        (
            INFERENCE,
            "InferenceAPIsService/Predictions",
            "PredictionsRequest",
            {"model_name": "echo"},
            "inference",
        ),
    )
    with started(tmp_path, tokens=True) as served:
        keys = json.loads((tmp_path / "key_file.json").read_text())
        for package, method, request, fields, use in calls:
            served.ask(package, method, request, fields, keys[use]["key"])
            for wrong in ("", "x", keys["API"]["key"]):
                with pytest.raises(grpc.RpcError, match="Token Authorization failed") as caught:
                    served.ask(package, method, request, fields, wrong)
                assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
