"""`config` of a request to load."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.configuration import Batching, ModelConfiguration, VersionChoice, WarmUp
from dragoman.core.errors import Code, DragomanError
from dragoman.core.override import DemandedTensor, Override
from dragoman.core.tensors import DType
from dragoman.protocols.kserve_v2.override import read_override
from tests.unit.protocols.kserve_v2.test_configuration import SIGNATURE, config


def read(**given: Any) -> Override:
    return read_override(json.dumps(given), "m", {})


def refusal(text: str) -> str:
    with pytest.raises(DragomanError) as caught:
        read_override(text, "m", {})
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 500
    return caught.value.message


def batching(**told: Any) -> str:
    return json.dumps({"max_batch_size": 4, "dynamic_batching": told})


def test_nothing_is_what_a_model_is_without_any_settings() -> None:
    assert read() == Override()


def test_files_go_with_it() -> None:
    assert read_override("{}", "m", {"1/model.onnx": b"x"}).files == {"1/model.onnx": b"x"}


@pytest.mark.parametrize("given", [{"max_batch_size": "16"}, {"maxBatchSize": 16}])
def test_names_are_in_snake_or_camel_case_and_integers_may_be_texts(given: dict[str, Any]) -> None:
    assert read(**given).configuration.batching == Batching(16)


def test_batching_is_read() -> None:
    policy = {"max_queue_size": 7}
    told = {"max_queue_delay_microseconds": "250", "default_queue_policy": policy, "preserve_ordering": True}
    assert read(max_batch_size=16, dynamic_batching=told).configuration.batching == Batching(16, 250, (), 7)


@pytest.mark.parametrize(
    ("preferred", "sizes"), [([4, 8, 16], (4, 8, 16)), ([16], ()), ([4, 8], ()), ([], ())]
)
def test_preferred_sizes_are_those_that_batches_are_filled_up_to_where_they_end_in_the_largest(
    preferred: list[int], sizes: tuple[int, ...]
) -> None:
    told = read(max_batch_size=16, dynamic_batching={"preferred_batch_size": preferred})
    assert told.configuration.batching == Batching(16, sizes=sizes)


@pytest.mark.parametrize(
    ("policy", "choice"),
    [
        ({"latest": {"num_versions": 3}}, VersionChoice(latest=3)),
        ({"latest": {}}, VersionChoice()),
        ({"all": {}}, VersionChoice(all=True)),
        ({"specific": {"versions": [1, "9007199254740993"]}}, VersionChoice(specific=(1, 9007199254740993))),
    ],
)
def test_versions_are_chosen(policy: dict[str, Any], choice: VersionChoice) -> None:
    assert read(version_policy=policy).choice == choice


@pytest.mark.parametrize(
    ("given", "engine"),
    [
        ({"platform": "onnxruntime_onnx"}, "onnx"),
        ({"backend": "onnxruntime"}, "onnx"),
        ({"platform": "tensorflow_savedmodel", "backend": "tensorflow"}, "tensorflow"),
        ({"platform": "pytorch_libtorch"}, "torch"),
        ({"backend": "pytorch"}, "torch"),
        ({"backend": "tflite"}, "tflite"),
        ({"backend": "unknown"}, "unknown"),  # the repository says which engines there are
        ({}, None),
    ],
)
def test_the_engine_has_tritons_names_or_its_own(given: dict[str, Any], engine: str | None) -> None:
    assert read(**given).engine == engine


def test_instances_of_all_groups_are_counted() -> None:
    groups = [{"count": 2, "kind": "KIND_CPU"}, {"kind": 0}, {"count": 3, "kind": "KIND_MODEL"}]
    assert read(instance_group=groups).configuration.instances == 6


def test_tensors_have_whole_shapes() -> None:
    given = {
        "input": [{"name": "a", "data_type": "TYPE_FP32", "dims": [-1, "3"]}, {"name": "b"}],
        "output": [{"name": "c", "data_type": "TYPE_STRING", "dims": []}],
    }
    alone = read(**given).demands
    assert alone.inputs == (DemandedTensor("a", DType.FP32, (None, 3)), DemandedTensor("b", None, ()))
    assert alone.outputs == (DemandedTensor("c", DType.BYTES, ()),)
    batched = read(max_batch_size=4, **given).demands
    assert batched.inputs[0].shape == (None, None, 3)
    assert batched.outputs[0].shape == (None,)


def test_a_warm_up_is_read() -> None:
    entry = {"name": "w", "batch_size": 3, "count": 5, "inputs": {"x": {"dims": [7], "zero_data": True}}}
    assert read(max_batch_size=8, model_warmup=[entry]).configuration.warm_up == WarmUp(3, 5)
    assert read(model_warmup=[entry]).configuration.warm_up == WarmUp(7, 5)
    assert read(model_warmup=[{"name": "w"}]).configuration.warm_up == WarmUp(1, 1)


def test_the_rest_is_read() -> None:
    told = read(
        name="m",
        default_model_filename="model.onnx",
        parameters={"threads": {"string_value": "4"}},
        model_transaction_policy={"decoupled": True},
    )
    assert (told.configuration.file, told.demands.file) == ("model.onnx", "model.onnx")
    assert told.configuration.options == {"threads": "4"}
    assert told.demands.parts


def test_what_is_of_tritons_own_machinery_has_no_effect() -> None:
    assert read(
        optimization={"graph": {"level": 1}},
        response_cache={"enable": True},
        cc_model_filenames={"7.5": "x"},
        metric_tags={"a": "b"},
        model_repository_agents={"agents": [{"name": "a"}]},
        runtime="x",
    ) == Override()  # fmt: skip


CONFIGURATIONS = [
    ModelConfiguration("model.onnx", options={"threads": "4"}),
    ModelConfiguration("model.onnx", Batching(16, 250, (4, 16), 99), 3),
    ModelConfiguration("model.onnx", Batching(16, 0, (), 1000), warm_up=WarmUp(3, 2)),
    ModelConfiguration("model.onnx", warm_up=WarmUp(3, 2)),
]


@pytest.mark.parametrize("told", CONFIGURATIONS)
@pytest.mark.parametrize(
    "choice", [VersionChoice(latest=2), VersionChoice(all=True), VersionChoice(specific=(1,))]
)
def test_what_is_told_of_a_model_may_be_sent_back(told: ModelConfiguration, choice: VersionChoice) -> None:
    override = read(**config(told, choice=choice))
    assert (override.engine, override.configuration, override.choice) == ("onnx", told, choice)
    assert [tensor.name for tensor in override.demands.inputs] == list(SIGNATURE.inputs)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "JSON Parse error"),
        ("{", "JSON Parse error"),
        ('"parameters": {"config": {{"max_batch_size": "16"}}}', "JSON Parse error"),
        ("[]", "must be a JSON object"),
        ("null", "must be a JSON object"),
        ('{"nonsense": 1}', "nonsense"),
        ('{"max_batch_size": "x"}', "max_batch_size"),
        ('{"max_batch_size": 1.5}', "max_batch_size"),
        ('{"max_batch_size": NaN}', "JSON Parse error"),
        ('{"max_batch_size": 99999999999}', "max_batch_size"),
        ('{"max_batch_size": {}}', "max_batch_size"),
        ('{"max_batch_size": -1}', "max_batch_size must not be negative"),
        ('{"max_batch_size": 1} {}', "JSON Parse error"),
        ('{"' + "x" * 10_000 + '": 1}', "xxx"),
        ('{"dynamic_batching": {}, "sequence_batching": {}}', "oneof"),
        ('{"dynamic_batching": {}}', "needs a max_batch_size"),
        (batching(preferred_batch_size=[5]), "from 1 to 4"),
        (batching(priority_levels=2), "priority_levels"),
        (batching(max_queue_delay_microseconds=3600000001), "the most"),
        (batching(default_queue_policy={"timeout_action": "DELAY"}), "timeout_action"),
        ('{"sequence_batching": {}}', "sequence_batching is not supported"),
        ('{"ensemble_scheduling": {}}', "ensemble_scheduling is not supported"),
        ('{"batch_input": [{}]}', "batch_input is not supported"),
        ('{"name": "other"}', "name is 'other'"),
        ('{"platform": "onnxruntime_onnx", "backend": "python"}', "are not the same"),
        ('{"version_policy": {"specific": {}}}', "must name versions"),
        ('{"version_policy": {"specific": {"versions": [-1]}}}', "must name versions"),
        ('{"instance_group": [{"kind": "KIND_GPU"}]}', "KIND_GPU"),
        ('{"instance_group": [{"kind": "KIND_NONSENSE"}]}', "kind"),
        ('{"instance_group": [{"count": -1}]}', "negative"),
        ('{"instance_group": [{"count": 2000000000}]}', "the most is 1024"),
        ('{"instance_group": [{"gpus": [0]}]}', "gpus"),
        ('{"input": [{"data_type": "TYPE_FP32"}]}', "a name is missing"),
        ('{"input": [{"name": "a"}, {"name": "a"}]}', "there twice"),
        ('{"input": [{"name": "a", "dims": [-2]}]}', "dims are sizes"),
        ('{"input": [{"name": "a", "reshape": {"shape": []}}]}', "input 'a': reshape is not supported"),
        ('{"output": [{"name": "a", "label_filename": "x"}]}', "label_filename"),
        ('{"output": {"name": "a"}}', "output"),
        ('{"model_warmup": [{}, {}]}', "one entry"),
        ('{"model_warmup": [{"inputs": {"x": {"input_data_file": "/etc/passwd"}}}]}', "input_data_file"),
        ('{"model_warmup": [{"count": 4000000000}]}', "the most"),
        ('{"model_warmup": [{"inputs": {"x": {"dims": [9000000000000]}}}]}', "the most"),
        ('{"parameters": {"a": "text"}}', "parameters"),
        ("[" * 100_000, "JSON Parse error"),
        ('{"optimization": ' * 200 + "1" + "}" * 200, "optimization"),
        ('{"optimization": ' + "[" * 900 + "]" * 900 + "}", "optimization"),
        ('{"name": "\\ud800"}', "JSON Parse error"),
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_named(text: str, words: str) -> None:
    assert words in refusal(text)


def test_a_half_of_a_character_is_no_configuration() -> None:
    assert refusal("\ud800")


TEXT = json.dumps(config(CONFIGURATIONS[1]))


@given(st.integers(0, len(TEXT) - 1), st.text(max_size=4), st.integers(0, 4))
def test_whatever_it_is_the_error_is_one_of_ours(at: int, put: str, out: int) -> None:
    with suppress(DragomanError):
        read_override(TEXT[:at] + put + TEXT[at + out :], "m", {})
