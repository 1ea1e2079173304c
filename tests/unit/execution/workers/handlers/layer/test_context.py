"""What a handler is told of its model and its requests."""

import threading
from typing import Any

import pytest

from tests.handler_layer import Layer

KEEP = """
kept = []

def handle(data, context):
    kept.append((context, context.request_ids))
    return data and [1] * len(data)
"""


def test_a_handler_is_told_of_its_model(layer: Layer) -> None:
    service = layer.loaded(
        KEEP, gpu=1, batch_size=4, model_yaml_config={"handler": {"thing": 7}}, limit_max_image_pixels=False
    )
    context = service.context
    assert context.model_name == "m"
    assert context.manifest["model"]["handler"] == "handler.py"
    assert context.model_yaml_config == {"handler": {"thing": 7}}
    assert context.system_properties == {
        "model_dir": str(layer.folder),
        "gpu_id": 1,
        "batch_size": 4,
        "server_name": "MMS",
        "server_version": "0.12.0",
        "limit_max_image_pixels": False,
    }


def test_one_context_lasts_and_is_given_the_ids_of_each_batch(layer: Layer) -> None:
    service = layer.loaded(KEEP)
    service.predict([layer.request(number=0), layer.request(number=1)])
    service.predict([layer.request(number=2)])
    kept = __import__("handler").kept
    assert {id(context) for context, _ in kept} == {id(service.context)}
    assert [ids for _, ids in kept] == [None, {0: "id-0", 1: "id-1"}, {0: "id-2"}]
    assert service.context.get_request_id() == "id-2"


def test_a_header_is_found_by_its_exact_name(layer: Layer) -> None:
    service = layer.loaded(KEEP)
    service.predict([layer.request(**{"X-My": "v", "ts_request_sequence_id": "s"})])
    context = service.context
    assert context.get_request_header(0, "X-My") == "v"
    assert context.get_request_header(0, "x-my") is None
    assert context.get_sequence_id(0) == "s"


def test_the_names_of_sequence_headers_come_from_the_environment(
    layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TS_REQUEST_SEQUENCE_ID", "my-id")
    context = layer.module("context").Context("m", None, None, 1, None, "0")
    names = (context.header_key_sequence_id, context.header_key_sequence_start)
    assert names == ("my-id", "ts_request_sequence_start")


def test_a_handler_may_hang_its_own_things_on_the_context(layer: Layer) -> None:
    context = layer.module("context").Context("m", None, None, 1, None, "0")
    context.cache = {"a": 1}
    context.stopping_criteria = [None]
    assert (context.cache, context.stopping_criteria) == ({"a": 1}, [None])


def test_a_context_without_requests_answers_what_it_can(layer: Layer) -> None:
    context = layer.module("context").Context("m", None, None, 1, None, "0")
    context.set_response_status(404, "nothing", 0)
    assert context.get_request_id() is None
    assert context.request_processor is None


def test_threads_that_share_a_handler_see_each_its_own_requests(layer: Layer) -> None:
    source = """
import threading
barrier = threading.Barrier(2, timeout=60)

def handle(data, context):
    if data is None:
        return None
    barrier.wait()
    context.set_response_header(0, "X-Id", context.get_request_id())
    barrier.wait()
    context.metrics.add_counter("Seen", 1)
    return [context.get_request_header(0, "who")]
"""
    records: list[Any] = []
    service = layer.loaded(source, shared=True, take_metrics=records.extend)
    answers: list[Any] = []

    def call(number: int) -> None:
        answers.extend(service.predict([layer.request(number=number, who=f"caller {number}")]))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(answer.headers["X-Id"], answer.body) for answer in answers} == {
        ("id-0", b"caller 0"),
        ("id-1", b"caller 1"),
    }
    assert sorted(record.request_id for record in records if record.name == "Seen") == ["id-0", "id-1"]


def test_a_mock_context_names_the_models_files(layer: Layer) -> None:
    (layer.folder / "model-config.yaml").write_text("handler: {thing: 7}", encoding="utf-8")
    mock = layer.module("torch_handler.unit_tests.test_utils.mock_context").MockContext(
        model_dir=str(layer.folder), model_file=None, model_yaml_config_file="model-config.yaml"
    )
    assert mock.manifest == {"model": {"serializedFile": "model.pt"}}
    assert mock.system_properties["model_dir"] == str(layer.folder)
    assert mock.model_yaml_config == {"handler": {"thing": 7}}
    mock.metrics.add_counter("c", 1)
    assert [metric.name for metric in mock.metrics.store] == ["c"]
    mock.explain = True
    assert (mock.get_request_header(0, "explain"), mock.get_request_header(1, "explain")) == (False, True)
