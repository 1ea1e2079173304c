"""What a server reads of an archive's model-config.yaml."""

from datetime import date

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.settings.model_config import ModelConfig, ModelConfigDocument, read_model_config

EVERY_KEY = """
minWorkers: 1
maxWorkers: 4
batchSize: 8
maxBatchDelay: 50
responseTimeout: 30
startupTimeout: 40
maxRetryTimeoutInSec: 0
clientTimeoutInMills: 500
jobQueueSize: 2
useJobTicket: true
useVenv: false
deviceType: gpu
deviceIds: [0, 2]
parallelType: pptp
parallelLevel: 2
torchrun: {nproc-per-node: 4}
continuousBatching: false
sequenceBatching: true
asyncCommunication: true
sequenceMaxIdleMSec: 60000
sequenceTimeoutMSec: 2000
maxSequenceJobQueueSize: 10
maxNumSequence: 4
"""


def read(text: str) -> ModelConfigDocument:
    return read_model_config(text, "m.yaml")


def test_every_key_of_the_server_is_read() -> None:
    assert read(EVERY_KEY).config == ModelConfig(
        min_workers=1,
        max_workers=4,
        batch_size=8,
        max_batch_delay_ms=50,
        response_timeout_s=30,
        startup_timeout_s=40,
        max_retry_timeout_s=0,
        client_timeout_ms=500,
        job_queue_size=2,
        use_job_ticket=True,
        use_venv=False,
        device_type="gpu",
        device_ids=(0, 2),
        parallel_type="pptp",
        parallel_level=2,
        torchrun={"nproc-per-node": 4},
        continuous_batching=False,
        sequence_batching=True,
        async_communication=True,
        sequence_max_idle_ms=60000,
        sequence_timeout_ms=2000,
        max_sequence_job_queue_size=10,
        max_num_sequence=4,
    )
    assert read(EVERY_KEY).notes == ()
    assert all(value is not None for value in vars_of(read(EVERY_KEY).config))


def vars_of(config: ModelConfig) -> list[object]:
    """Every field's value."""
    return [getattr(config, name) for name in config.__struct_fields__]


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "{}", "minWorkers:\n"])
def test_what_is_not_given_is_none(text: str) -> None:
    assert read(text).config == ModelConfig()
    assert read(text).notes == ()


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("minWorkers: many", "minWorkers: expected int, got text"),
        ("minWorkers: true", "minWorkers: expected int, got true or false"),
        ("minWorkers: -1", "minWorkers: expected int >= 0"),
        ("batchSize: 0", "batchSize: expected int >= 1"),
        ("batchSize: 2.5", "batchSize: expected int, got float"),
        ("useVenv: 1", "useVenv: expected true or false, got int"),
        ("deviceType: tpu", "deviceType: 'tpu' is not one of cpu, gpu"),
        ("deviceIds: 0", "deviceIds: expected a list, got int"),
        ("deviceIds: [a]", "deviceIds: expected int, got text"),
        ("parallelType: dp", "parallelType: 'dp' is not one of pp, tp, pptp, custom"),
        ("torchrun: 4", "torchrun: expected a mapping, got int"),
    ],
)
def test_a_value_of_another_type_is_a_warning_and_counts_as_not_given(text: str, note: str) -> None:
    found = read(f"{text}\nmaxWorkers: 3")
    assert found.notes == (f"m.yaml: {note}; the key is ignored",)
    assert found.config == ModelConfig(max_workers=3)


def test_the_handler_gets_every_key_as_pythons_reader_has_it() -> None:
    text = """
base: &base {lr: 0.5, 1: one}
handler: {<<: *base, when: 2024-01-02, nothing: ~, 2: [yes, 0x10, "yes"]}
minWorkers: many
"""
    assert read(text).tree == {
        "base": {"lr": 0.5, 1: "one"},
        "handler": {
            "lr": 0.5,
            1: "one",
            "when": date(2024, 1, 2),
            "nothing": None,
            2: [True, 16, "yes"],
        },
        "minWorkers": "many",
    }


def test_of_two_equal_keys_the_last_counts_with_a_warning() -> None:
    found = read("batchSize: 1\nhandler:\n  a: 1\n  a: 2\nbatchSize: 4\n")
    assert (found.config.batch_size, found.tree["handler"]) == (4, {"a": 2})
    assert sorted(found.notes) == [
        "m.yaml:4: a: this key stands here twice; the last one counts",
        "m.yaml:5: batchSize: this key stands here twice; the last one counts",
    ]


LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40))
DEEP = "a0: &a0 x\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 80))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[1, 2]", "m.yaml:1: a mapping is expected"),
        ("text", "m.yaml:1: a mapping is expected"),
        ("a: [", "m.yaml:1: expected the node content, but found '<stream end>'"),
        ("a: !!python/object/apply:os.system [x]", "could not determine a constructor"),
        ("? [1]\n: 2", "found unhashable key"),
        ("a: " + "[" * 100 + "]" * 100, "m.yaml:1: nested more than 64 deep"),
        ("a: 2024-13-45", "month must be in 1..12"),
        ("a: &a [*a]", "m.yaml:1: this holds itself"),
        ("a: &a {<<: *a}", "m.yaml:1: this holds itself"),
        (LAUGHS, "more than 100000 values, aliases expanded"),
        (MERGES, "more than 100000 values, aliases expanded"),
        (DEEP, "nested more than 64 deep"),
        ("a: " + "9" * 5000, "m.yaml: "),
        ("x" * (1 << 21), "m.yaml: the file is larger than 1048576 bytes"),
    ],
)
def test_what_cannot_be_read_is_an_error_with_its_place(text: str, why: str) -> None:
    with pytest.raises(DragomanError) as caught:
        read(text)
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.message.startswith("m.yaml:")
    assert why in caught.value.message
