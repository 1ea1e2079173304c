"""Our messages, apart from everyone else's."""

import pytest
from google.protobuf import descriptor_pool

from dragoman.core.errors import DragomanError
from dragoman.wire.protobuf import make_pool, message_class, message_classes, read_message, shared_pool


def test_our_definitions_do_not_enter_the_pool_that_other_packages_share() -> None:
    message_class("tensorflow.TensorProto")
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindMessageTypeByName("tensorflow.TensorProto")


def test_a_class_is_made_once_and_belongs_to_the_shared_pool() -> None:
    spec = message_class("tensorflow.serving.ModelSpec")
    assert spec is message_class("tensorflow.serving.ModelSpec")
    assert spec.DESCRIPTOR.file.pool is shared_pool()
    assert make_pool() is not make_pool()


def test_several_classes_are_found_by_their_names() -> None:
    found = message_classes("tensorflow.serving", ["ModelSpec", "PredictRequest"])
    assert found["PredictRequest"](model_spec=found["ModelSpec"](name="m")).model_spec.name == "m"


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05ab", b"\x0a\x01\xff"])
def test_bytes_that_are_no_message_are_refused_by_its_name(data: bytes) -> None:
    with pytest.raises(DragomanError, match=r"no valid tensorflow\.serving\.ModelSpec"):
        read_message(message_class("tensorflow.serving.ModelSpec"), data)


def test_services_keep_the_paths_that_clients_call() -> None:
    service = shared_pool().FindServiceByName("tensorflow.serving.PredictionService")
    assert [method.name for method in service.methods] == [
        "Classify", "Regress", "Predict", "MultiInference", "GetModelMetadata",
    ]  # fmt: skip
