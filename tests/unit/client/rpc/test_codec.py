"""The calls of V2 over gRPC that are not `infer`."""

from typing import Any

import pytest

from dragoman.client.codec import Load
from dragoman.client.errors import BadAnswer, InvalidInput
from dragoman.client.exchange import Answer, Exchange
from dragoman.client.results import ModelState, TensorMetadata
from dragoman.client.rpc import RpcCodec
from dragoman.core.tensors import DType
from dragoman.wire.protobuf import message_class

CODEC = RpcCodec()


def sent(exchange: Exchange[Any], method: str) -> Any:
    """The request's message, which goes to this method."""
    assert exchange.request.path == f"/inference.GRPCInferenceService/{method}"
    return message_class(f"inference.{method}Request").FromString(b"".join(exchange.request.body))


def read(exchange: Exchange[Any], method: str, **fields: Any) -> Any:
    return exchange.read(Answer(message_class(f"inference.{method}Response")(**fields).SerializeToString()))


def test_every_call_has_its_method() -> None:
    metadata = sent(CODEC.metadata("m", 2), "ModelMetadata")
    assert (metadata.name, metadata.version) == ("m", "2")
    assert sent(CODEC.metadata("m", None), "ModelMetadata").version == ""
    assert sent(CODEC.ready("m", 2), "ModelReady").version == "2"
    assert sent(CODEC.ready(None, None), "ServerReady").ByteSize() == 0
    assert not sent(CODEC.models(), "RepositoryIndex").ready
    assert sent(CODEC.statistics(None, None), "ModelStatistics").name == ""
    assert sent(CODEC.config("m", None), "ModelConfig").name == "m"


def test_settings_and_files_go_with_a_load() -> None:
    message = sent(CODEC.load(Load("m", '{"a": 1}', {"1/model.onnx": b"\xff"})), "RepositoryModelLoad")
    assert message.model_name == "m"
    assert message.parameters["config"].string_param == '{"a": 1}'
    assert message.parameters["file:1/model.onnx"].bytes_param == b"\xff"
    unload = sent(CODEC.unload("m", dependents=True), "RepositoryModelUnload")
    assert unload.parameters["unload_dependents"].bool_param
    assert not sent(CODEC.unload("m", dependents=False), "RepositoryModelUnload").parameters


def test_only_what_changes_nothing_may_be_repeated() -> None:
    changing = [CODEC.load(Load("m", None, {})), CODEC.unload("m", dependents=False)]
    reading = [CODEC.models(), CODEC.metadata("m", None)]
    assert [exchange.request.repeatable for exchange in (*changing, *reading)] == [False, False, True, True]


@pytest.mark.parametrize("ready", [True, False])
def test_a_model_and_a_server_say_whether_they_are_ready(ready: bool) -> None:
    assert read(CODEC.ready("m", None), "ModelReady", ready=ready) is ready
    assert read(CODEC.ready(None, None), "ServerReady", ready=ready) is ready


def test_metadata_says_what_a_model_takes_and_gives() -> None:
    inputs = [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}]
    metadata = read(CODEC.metadata("m", None), "ModelMetadata", name="m", versions=["1"], inputs=inputs)
    assert metadata.inputs == {"x": TensorMetadata("x", DType.FP32, (None, 3))}
    assert (metadata.name, metadata.versions, metadata.outputs) == ("m", ["1"], {})


def test_the_index_lists_versions_with_their_states() -> None:
    models = [{"name": "a", "version": "1", "state": "READY"}]
    assert read(CODEC.models(), "RepositoryIndex", models=models) == [ModelState("a", "1", "READY", "")]


def test_statistics_come_with_the_names_and_numbers_of_json() -> None:
    stats = {"name": "m", "inference_count": 2**60, "inference_stats": {"success": {"count": 3, "ns": 7}}}
    (entry,) = read(CODEC.statistics("m", None), "ModelStatistics", model_stats=[stats])
    assert entry["inference_count"] == 2**60
    assert entry["inference_stats"]["success"] == {"count": 3, "ns": 7}
    assert entry["batch_stats"] == []
    assert entry["response_stats"] == {}


def test_settings_name_their_enums() -> None:
    config = {
        "name": "m",
        "max_batch_size": 8,
        "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [-1, 3]}],
        "parameters": {"a": {"string_value": "b"}},
    }
    found = read(CODEC.config("m", None), "ModelConfig", config=config)
    assert found["max_batch_size"] == 8
    assert found["input"][0]["data_type"] == "TYPE_FP32"
    assert found["input"][0]["dims"] == [-1, 3]
    assert found["parameters"] == {"a": {"string_value": "b"}}
    assert "dynamic_batching" not in found


def test_predict_is_for_http() -> None:
    with pytest.raises(InvalidInput, match="http://"):
        CODEC.predict("m", None, {"instances": [1]})


@pytest.mark.parametrize(
    "exchange",
    [
        CODEC.metadata("m", None),
        CODEC.models(),
        CODEC.ready("m", None),
        CODEC.statistics(None, None),
        CODEC.config("m", None),
    ],
)
def test_an_answer_that_is_no_message_is_refused(exchange: Exchange[Any]) -> None:
    with pytest.raises(BadAnswer):
        exchange.read(Answer(b"\xff\xff"))


def test_an_unknown_type_in_metadata_is_refused() -> None:
    with pytest.raises(BadAnswer, match="'X'"):
        read(CODEC.metadata("m", None), "ModelMetadata", inputs=[{"name": "x", "datatype": "X"}])
