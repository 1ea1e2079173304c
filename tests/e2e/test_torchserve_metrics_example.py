"""The metrics of TorchServe's example `custom_metrics`, held to the patterns that its own test looks for.

Source: pytorch/serve examples/custom_metrics and test/pytest/test_metrics.py. The handler's calls are the
example's; the digits that it reads are left out.
"""

import re
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import pytest

from dragoman.cli.main import run
from tests.server_process import serving

HANDLER: Final = """
import time

from ts.metrics.dimension import Dimension
from ts.metrics.metric_type_enum import MetricTypes


class Handler:
    def initialize(self, context):
        metrics = context.metrics
        self.inf_request_count = metrics.add_metric_to_cache(
            metric_name="InferenceRequestCount", unit="count", dimension_names=[],
            metric_type=MetricTypes.COUNTER,
        )
        metrics.add_metric_to_cache(
            metric_name="PreprocessCallCount", unit="count", dimension_names=["ModelName"],
            metric_type=MetricTypes.COUNTER,
        )
        metrics.add_metric(
            name="InitializeCallCount", value=1, unit="count", metric_type=MetricTypes.COUNTER
        )

    def handle(self, data, context):
        start = time.time()
        metrics = context.metrics
        self.inf_request_count.add_or_update(value=1, dimension_values=[])
        metrics.get_metric(
            metric_name="PreprocessCallCount", metric_type=MetricTypes.COUNTER
        ).add_or_update(value=1, dimension_values=[context.model_name])
        metrics.get_metric(metric_name="RequestBatchSize", metric_type=MetricTypes.GAUGE).add_or_update(
            value=len(data), dimension_values=[context.model_name]
        )
        metrics.add_size(name="SizeOfImage", value=1.5, idx=None, unit="kB")
        metrics.add_time(
            name="HandlerMethodTime", value=(time.time() - start) * 1000, idx=None, unit="ms",
            dimensions=[Dimension(name="MethodName", value="preprocess")], metric_type=MetricTypes.GAUGE,
        )
        metrics.add_counter(name="PostprocessCallCount", value=1, idx=None, dimensions=[])
        metrics.add_percent(
            name="ExamplePercentMetric", value=50, idx=None, dimensions=[], metric_type=MetricTypes.HISTOGRAM
        )
        metrics.add_time("HandlerTime", (time.time() - start) * 1000)  # as BaseHandler does
        return ["0"] * len(data)
"""
LATENCY_LABELS: Final = '["model_name", "model_version", "hostname"]'
SERVER_GAUGES: Final = (
    "QueueTime", "WorkerThreadTime", "CPUUtilization", "MemoryUsed", "MemoryAvailable", "MemoryUtilization",
    "DiskUsage", "DiskUtilization", "DiskAvailable",
)  # fmt: skip
GAUGES: Final = "\n".join(
    f"    - {{name: {name}, unit: u, dimensions: [*level, *hostname]}}" for name in SERVER_GAUGES
)
FILE: Final = f"""
dimensions:
  - &model_name "ModelName"
  - &worker_name "WorkerName"
  - &level "Level"
  - &hostname "Hostname"

ts_metrics:
  counter:
    - {{name: Requests2XX, unit: Count, dimensions: [*level, *hostname]}}
    - {{name: ts_inference_requests_total, unit: Count, dimensions: {LATENCY_LABELS}}}
    - {{name: ts_inference_latency_microseconds, unit: Microseconds, dimensions: {LATENCY_LABELS}}}
    - {{name: ts_queue_latency_microseconds, unit: Microseconds, dimensions: {LATENCY_LABELS}}}
  gauge:
    - {{name: WorkerLoadTime, unit: Milliseconds, dimensions: [*worker_name, *level, *hostname]}}
{GAUGES}
model_metrics:
  counter:
    - {{name: InferenceRequestCount, unit: count, dimensions: []}}
    - {{name: InitializeCallCount, unit: count, dimensions: [*model_name, *level]}}
    - {{name: PreprocessCallCount, unit: count, dimensions: [*model_name]}}
    - {{name: PostprocessCallCount, unit: CallCount, dimensions: [*model_name, *level]}}
  gauge:
    - {{name: HandlerTime, unit: ms, dimensions: [*model_name, *level]}}
    - {{name: PredictionTime, unit: ms, dimensions: [*model_name, *level]}}
    - {{name: RequestBatchSize, unit: count, dimensions: ["ModelName"]}}
    - {{name: SizeOfImage, unit: kB, dimensions: [*model_name, *level]}}
"""
CONFIG: Final = """\
inference_address=http://127.0.0.1:0
management_address=http://127.0.0.1:0
metrics_address=http://127.0.0.1:0
grpc_inference_port=0
grpc_management_port=0
model_store={folder}
load_models=mnist_custom_metrics.mar
default_workers_per_model=1
disable_token_authorization=true
metrics_mode=prometheus
metrics_config={folder}/metrics.yaml
model_metrics_auto_detect={auto}
"""
OF_CALLS: Final = r'model_name="mnist_custom_metrics",model_version="default",hostname=".+",'
OF_MODEL: Final = r'ModelName="mnist_custom_metrics",Level="Model",Hostname=".+",'
OF_HOST: Final = r'Level="Host",Hostname=".+",'
PATTERNS: Final = {
    "Requests2XX counter": OF_HOST,
    "ts_inference_requests_total counter": OF_CALLS,
    "ts_inference_latency_microseconds counter": OF_CALLS,
    "ts_queue_latency_microseconds counter": OF_CALLS,
    "WorkerLoadTime gauge": r'WorkerName=".+",Level="Host",Hostname=".+",',
    **{f"{name} gauge": OF_HOST for name in SERVER_GAUGES},
    "HandlerTime gauge": OF_MODEL,
    "PredictionTime gauge": OF_MODEL,
    "InferenceRequestCount counter": r'Hostname=".+",',
    "InitializeCallCount counter": OF_MODEL,
    "PreprocessCallCount counter": r'ModelName="mnist_custom_metrics",Hostname=".+",',
    "PostprocessCallCount counter": OF_MODEL,
    "RequestBatchSize gauge": r'ModelName="mnist_custom_metrics",Hostname=".+",',
    "SizeOfImage gauge": OF_MODEL,
}
DETECTED: Final = {
    "HandlerMethodTime gauge": (
        r'MethodName="preprocess",ModelName="mnist_custom_metrics",Level="Model",Hostname=".+",'
    ),
    "ExamplePercentMetric histogram": None,
}


@pytest.mark.parametrize("auto", [False, True])
def test_the_page_has_what_its_own_test_looks_for(tmp_path: Path, auto: bool) -> None:
    (tmp_path / "handler.py").write_text(HANDLER)
    (tmp_path / "metrics.yaml").write_text(FILE)
    config = tmp_path / "config.properties"
    config.write_text(CONFIG.format(folder=tmp_path, auto=str(auto).lower()))
    words = ["--model-name", "mnist_custom_metrics", "-v", "1.0", "--handler", str(tmp_path / "handler.py")]
    assert run(["archive", *words, "--export-path", str(tmp_path)]) == 0
    arguments = ["--as", "torchserve", "--ts-config", str(config)]
    with serving(arguments, tmp_path / "log", http=3, folder=tmp_path, grpc=2) as addresses:
        inference, metrics = addresses.http, addresses.others[1]
        path = "predictions/mnist_custom_metrics"
        with urlopen(f"http://{inference.host}:{inference.port}/{path}", b"x") as answer:
            assert answer.read() == b"0"
        with urlopen(f"http://{metrics.host}:{metrics.port}/metrics") as answer:
            page = answer.read().decode()
    wanted = PATTERNS | DETECTED if auto else PATTERNS
    for title, labels in wanted.items():
        assert len(re.findall(f"TYPE {title}$", page, re.MULTILINE)) == 1, title
        if labels is not None:
            name = title.partition(" ")[0]
            assert len(re.findall(rf"{name}\{{{labels}\}} \d+\.\d+", page)) == 1, title
    if not auto:
        assert not any(title.partition(" ")[0] in page for title in DETECTED)
