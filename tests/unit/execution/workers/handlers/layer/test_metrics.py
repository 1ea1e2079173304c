"""What handlers measure, and where it goes."""

import io
import json
import logging
import os
import re
from typing import Any

import pytest

from tests.handler_layer import Layer

MEASURE = """
from ts.metrics.dimension import Dimension
from ts.metrics.metric_type_enum import MetricTypes

def handle(data, context):
    metrics = context.metrics
    if data is None:
        metrics.add_counter("Loads", 1)
        return None
    metrics.add_counter("Rows", len(data))
    metrics.add_time("Step", 1.5, idx=1, unit="s")
    metrics.add_size("Body", 2, unit="kB", dimensions=[Dimension("Part", "data")])
    metrics.add_percent("Share", 50, metric_type=MetricTypes.HISTOGRAM)
    metrics.add_error("Trouble", 1)
    metrics.add_metric("Odd", 7, "furlongs")
    return [1] * len(data)
"""


def measured(layer: Layer, source: str = MEASURE, count: int = 2, **options: Any) -> list[list[Any]]:
    """The lists of records that the worker got."""
    taken: list[list[Any]] = []
    service = layer.loaded(source, take_metrics=taken.append, **options)
    service.predict([layer.request(number=index) for index in range(count)])
    return taken


def cache(layer: Layer, *, request_ids: Any = None) -> Any:
    made = layer.module("metrics.metric_cache").MetricsCache(model_name="m")
    made.set_request_ids(request_ids)
    return made


def test_records_hold_names_units_values_dimensions_and_kinds(layer: Layer) -> None:
    model = (("ModelName", "m"), ("Level", "Model"))
    batch = measured(layer)[-1]
    assert [record[:6] for record in batch[:-1]] == [
        ("Rows", "Count", 2, model, "counter", "id-0,id-1"),
        ("Step", "Seconds", 1.5, model, "gauge", "id-1"),
        ("Body", "Kilobytes", 2, (("Part", "data"), *model), "gauge", "id-0,id-1"),
        ("Share", "Percent", 50, model, "histogram", "id-0,id-1"),
        ("Trouble", "unit", 1, (("Level", "Error"),), "counter", None),
        ("Odd", "furlongs", 7, model, "counter", "id-0,id-1"),
    ]


def test_the_time_of_each_batch_is_measured(layer: Layer) -> None:
    last = measured(layer)[-1][-1]
    assert (last.name, last.unit, last.type) == ("PredictionTime", "Milliseconds", "gauge")
    assert last.value >= 0


def test_a_batch_that_fails_still_hands_over_what_was_measured(layer: Layer) -> None:
    taken: list[list[Any]] = []
    service = layer.loaded(MEASURE.replace("[1] * len(data)", "[]"), take_metrics=taken.append)
    with pytest.raises(layer.module("service").BatchFailureError):
        service.predict([layer.request()])
    assert [record.name for record in taken[-1]] == ["Rows", "Step", "Body", "Share", "Trouble", "Odd"]


def test_what_is_measured_while_loading_is_handed_over_at_once(layer: Layer) -> None:
    (record,) = measured(layer)[0]
    assert record.name == "Loads"
    assert re.fullmatch("[0-9a-f-]{36}", record.request_id)


def test_without_a_worker_metrics_are_lines_of_the_log(
    layer: Layer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        cache(layer, request_ids={0: "a", 1: "b"}).add_time("Step", 1.5)
    assert re.fullmatch(
        r"\[METRICS\]Step\.Milliseconds:1\.5\|#ModelName:m,Level:Model\|#type:GAUGE\|#hostname:[^,]+,\d+,a,b",
        caplog.messages[-1],
    )


def test_a_line_without_a_request_ends_with_the_time(layer: Layer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        cache(layer).add_counter("Rows", 1)
    assert re.search(r"\|#Level:Error\|#type:COUNTER\|#hostname:[^,]+,\d+$", caplog.messages[-1])


def test_dimensions_of_one_call_do_not_reach_the_next(layer: Layer) -> None:
    metrics = cache(layer, request_ids={0: "a"})
    given = [layer.module("metrics.dimension").Dimension("Part", "data")]
    metrics.add_counter("One", 1, dimensions=given)
    metrics.add_counter("Other", 1)
    assert [str(dimension) for dimension in given] == ["Part:data"]
    assert metrics.get_metric("Other").dimension_names == ["ModelName", "Level"]


@pytest.mark.parametrize(("method", "unit"), [("add_time", "MB"), ("add_size", "ms")])
def test_a_unit_of_another_kind_is_refused(layer: Layer, method: str, unit: str) -> None:
    with pytest.raises(ValueError, match=f"not {unit}"):
        getattr(cache(layer), method)("x", 1, unit=unit)
    with pytest.raises(ValueError, match=f"not {unit}"):
        getattr(layer.module("metrics.metrics_store").MetricsStore({}, "m"), method)("x", 1, unit=unit)


def test_a_counter_that_would_go_down_is_refused_with_a_line(
    layer: Layer, caplog: pytest.LogCaptureFixture
) -> None:
    taken: list[Any] = []
    layer.module("metrics.emission").emission.install(taken.extend)
    cache(layer, request_ids={0: "a"}).add_counter("Rows", -1)
    cache(layer, request_ids={0: "a"}).add_counter("Rows", "many")
    assert taken == []
    assert "metric Rows is not updated with -1: a counter does not go down" in caplog.text


def test_a_metric_can_be_kept_and_updated_with_dimensions_of_its_own(layer: Layer) -> None:
    taken: list[Any] = []
    layer.module("metrics.emission").emission.install(taken.extend)
    kinds = layer.module("metrics.metric_type_enum").MetricTypes
    metrics = cache(layer)
    kept = metrics.add_metric_to_cache("Calls", "count", ["Method"], kinds.COUNTER)
    kept.add_or_update(2, ["preprocess"], "id")
    kept.add_or_update(3, [])  # refused: not the values of its dimensions
    metrics.get_metric("Calls", kinds.COUNTER).update(
        4, "id", [layer.module("metrics.dimension").Dimension("A", "b")]
    )
    assert [(record.value, record.dimensions, record.request_id) for record in taken] == [
        (2, (("Method", "preprocess"),), "id"),
        (4, (("A", "b"),), "id"),
    ]


def test_a_metric_that_is_not_there_is_named(layer: Layer) -> None:
    errors = layer.module("metrics.metric_cache_errors")
    with pytest.raises(errors.MetricsCacheKeyError, match="there is no counter Calls"):
        cache(layer).get_metric("Calls")
    with pytest.raises(errors.MetricsCacheTypeError, match="metric_type"):
        cache(layer).get_metric("Calls", "counter")
    with pytest.raises(errors.MetricsCacheTypeError, match="unit"):
        cache(layer).add_metric_to_cache("Calls", 1)


def test_a_metrics_file_defines_metrics(layer: Layer) -> None:
    file = layer.folder / "metrics.yaml"
    file.write_text(
        "model_metrics:\n  gauge:\n    - {name: Size, unit: MB, dimensions: [Part]}\n", encoding="utf-8"
    )
    metrics = layer.module("metrics.metric_cache_yaml_impl").MetricsCacheYamlImpl(str(file))
    assert metrics.cache_keys() == []
    metrics.initialize_cache()
    assert metrics.cache_keys() == ["gauge:Size"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a: [", "MetricsCachePyYamlError"),
        ("a: 1", "MetricsCacheKeyError"),
        ("model_metrics:", "MetricsCacheValueError"),
        ("model_metrics: {meter: []}", "MetricsCacheKeyError"),
        ("model_metrics: {gauge: [{name: a}]}", "MetricsCacheKeyError"),
    ],
)
def test_a_metrics_file_of_another_form_is_refused(layer: Layer, text: str, error: str) -> None:
    file = layer.folder / "metrics.yaml"
    file.write_text(text, encoding="utf-8")
    load = layer.module("metrics.metric_cache_yaml_impl").MetricsCacheYamlImpl
    with pytest.raises(getattr(layer.module("metrics.metric_cache_errors"), error)):
        load(str(file)).initialize_cache()


def test_a_metrics_file_has_to_be_there(layer: Layer) -> None:
    load = layer.module("metrics.metric_cache_yaml_impl").MetricsCacheYamlImpl
    with pytest.raises(OSError, match="cannot be read"):
        load(str(layer.folder / "missing.yaml"))
    with pytest.raises(TypeError, match="has to be a metrics file"):
        load("")


def test_definitions_from_the_server_take_the_place_of_the_usual_ones(layer: Layer) -> None:
    definitions = {"counter": [{"name": "Calls", "unit": "count", "dimensions": ["Method"]}]}
    service = layer.service(MEASURE, metric_definitions=definitions)
    assert service.context.metrics.cache_keys() == ["counter:Calls"]
    assert cache(layer).cache_keys() == ["gauge:HandlerTime", "gauge:PredictionTime"]


def test_a_store_of_the_older_form_keeps_metrics_to_be_sent_off_later(layer: Layer) -> None:
    taken: list[Any] = []
    layer.module("metrics.emission").emission.install(taken.extend)
    store = layer.module("metrics.metrics_store").MetricsStore({0: "a", 1: "b"}, "m")
    store.add_counter("Rows", 1, 0)
    store.add_counter("Rows", 2, 0)  # sent off at once: it is known
    store.add_time("Step", 5)
    store.add_size("Body", 5)
    store.add_percent("Share", 5)
    store.add_metric("Odd", 5, "furlongs")
    store.add_error("Trouble", "text")
    layer.module("service").emit_metrics(store.store)
    assert [(record.name, record.value, record.request_id) for record in taken] == [
        ("Rows", 2, "a"),
        ("Rows", 1, "a"),
        ("Step", 5, "a,b"),
        ("Body", 5, "a,b"),
        ("Share", 5, "a,b"),
        ("Odd", 5, "a,b"),
        ("Trouble", "text", None),
    ]
    with pytest.raises(ValueError, match="have to be a list"):
        store.add_counter("Rows", 1, dimensions="x")


def test_a_metric_can_be_read_as_text_and_as_json(layer: Layer) -> None:
    dimension = layer.module("metrics.dimension").Dimension("Part", "data")
    metric = layer.module("metrics.metric").Metric("Rows", 1, "count", [dimension], "id", "counter")
    text = json.dumps(metric, cls=layer.module("metrics.metric_encoder").MetricEncoder)
    assert re.fullmatch(r"Rows\.Count:1\|#Part:data\|#hostname:[^,]+,\d+,id", str(metric))
    assert {
        key: json.loads(text)[key] for key in ("MetricName", "Value", "Unit", "Dimensions", "RequestId")
    } == {
        "MetricName": "Rows",
        "Value": 1,
        "Unit": "Count",
        "Dimensions": [{"Name": "Part", "Value": "data"}],
        "RequestId": "id",
    }
    with pytest.raises(TypeError):
        json.dumps(object(), cls=layer.module("metrics.metric_encoder").MetricEncoder)


def test_a_metric_can_be_set_to_zero(layer: Layer) -> None:
    taken: list[Any] = []
    layer.module("metrics.emission").emission.install(taken.extend)
    layer.module("metrics.metric").Metric("Rows", 1, "count", []).reset()
    assert [record.value for record in taken] == [0]


def test_the_memory_of_a_process_is_told(layer: Layer, caplog: pytest.LogCaptureFixture) -> None:
    module = layer.module("metrics.process_memory_metric")
    with caplog.at_level(logging.INFO):
        module.check_process_mem_usage(io.StringIO(f"{os.getpid()},,0\n"))
    own, missing, zero = caplog.messages
    assert int(own.removeprefix(f"{os.getpid()}:")) > 1_000_000
    assert (missing, zero) == ("there is no process 0", "0:0")
