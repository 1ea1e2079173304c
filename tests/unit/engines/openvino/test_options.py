"""The options of the engine, and the properties made of them."""

from typing import Any

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.openvino.options import OpenVinoOptions, check, properties
from dragoman.engines.options import read_options

SMALL, LARGE = 1 << 20, 100 << 20


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))


def made(size: int = SMALL, **options: Any) -> dict[str, Any]:
    return dict(properties(OpenVinoOptions(**options), size))


def test_a_small_model_has_a_stream_of_one_thread_for_each_core_up_to_four() -> None:
    assert made() == {
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False,
        "NUM_STREAMS": 4,
        "INFERENCE_NUM_THREADS": 4,
    }


def test_there_are_no_more_streams_than_infer_requests() -> None:
    assert made(nireq=2)["NUM_STREAMS"] == 2


@pytest.mark.parametrize(
    ("options", "streams", "threads"),
    [
        ({}, 1, 4),
        ({"num_streams": 2}, 2, 4),
        ({"num_streams": 8}, 8, 8),
        ({"threads": 3}, 1, 3),
        ({"num_streams": 2, "threads": 3}, 2, 6),
    ],
)
def test_a_large_model_uses_the_cores_inside_a_call(
    options: dict[str, Any], streams: int, threads: int
) -> None:
    found = made(LARGE, **options)
    assert (found["NUM_STREAMS"], found["INFERENCE_NUM_THREADS"]) == (streams, threads)


@pytest.mark.parametrize(
    "options",
    [
        {"performance_hint": "throughput"},
        {"plugin_config": {"PERFORMANCE_HINT": "THROUGHPUT"}},
        {"plugin_config": {"NUM_STREAMS": "2"}},
    ],
)
def test_streams_are_left_to_openvino_where_the_owner_says_more(options: dict[str, Any]) -> None:
    assert "INFERENCE_NUM_THREADS" not in made(**options)


def test_other_devices_get_what_every_device_takes() -> None:
    assert made(target_device="GPU") == {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    assert made(target_device="NPU") == {"PERFORMANCE_HINT": "LATENCY"}


def test_plugin_config_wins_and_is_passed_on_as_it_is() -> None:
    given = {
        "INFERENCE_PRECISION_HINT": "bf16",
        "PERF_COUNT": True,
        "DEVICE_PROPERTIES": {"CPU": {"NUM_STREAMS": 1}},
    }
    assert made(plugin_config=given, cache_dir="/cache").items() >= {**given, "CACHE_DIR": "/cache"}.items()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nireq": -1}, "options.nireq: the least is 0"),
        ({"threads": -1}, "options.threads: the least is 0"),
        (
            {"num_streams": 2, "plugin_config": {"NUM_STREAMS": 2}},
            "options.num_streams and options.plugin_config.NUM_STREAMS are the same; say one of them",
        ),
        ({"nireq": "many"}, "options.nireq: Expected `int`, got `str`"),
        ({"plugin_config": {"NUM_STREAMS": [1]}}, "options.plugin_config[...]: Expected "),
        ({"performance_hint": "fast"}, "options.performance_hint: Invalid enum value 'fast'"),
        ({"niredq": 1}, "options.niredq: the engine openvino has no such option; did you mean 'nireq'?"),
    ],
)
def test_an_option_that_does_not_fit_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DragomanError) as caught:
        check(read_options(options, OpenVinoOptions, "openvino"))
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.message.startswith(message)


def test_the_keys_of_a_models_entry_in_config_json_are_options_as_they_are() -> None:
    entry = {
        "batch_size": "auto",
        "shape": {"x": "(1,3,224,224)"},
        "layout": "NHWC:NCHW",
        "nireq": 4,
        "target_device": "CPU",
        "plugin_config": {"PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False, "NUM_STREAMS": 2},
    }
    read = read_options(entry, OpenVinoOptions, "openvino")
    assert (read.batch_size, read.shape, read.nireq) == ("auto", {"x": "(1,3,224,224)"}, 4)
