"""A server in TorchServe's place: its metrics at their own address, and in its logs."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dragoman.cli.main import run
from tests.server_process import Address, serving_listeners

HANDLER: Final = """
from ts.metrics.metric_type_enum import MetricTypes

def handle(data, context):
    if data is None:
        return None
    context.metrics.get_metric("Pixels", MetricTypes.COUNTER).add_or_update(7, [context.model_name, "Model"])
    context.metrics.add_counter("Undefined", 1)
    context.metrics.add_time("PredictionTime", 3.5)
    if "fail" in data[0]:
        raise ValueError
    return ["done"] * len(data)
"""
METRICS: Final = """
dimensions:
- &host Hostname
ts_metrics:
  counter:
  - {name: Requests2XX, unit: Count, dimensions: [Level, *host]}
  - {name: Requests4XX, unit: Count, dimensions: [Level, *host]}
  - {name: Requests5XX, unit: Count, dimensions: [Level, *host]}
  - {name: ts_inference_requests_total, unit: Count, dimensions: [model_name, model_version, hostname]}
  - name: ts_inference_latency_microseconds
    unit: Microseconds
    dimensions: [model_name, model_version, hostname]
  gauge:
  - {name: WorkerLoadTime, unit: Milliseconds, dimensions: [WorkerName, Level, *host]}
  - {name: MemoryUsed, unit: Megabytes, dimensions: [Level, *host]}
  - {name: QueueTime, unit: Milliseconds, dimensions: [few]}
model_metrics:
  counter:
  - {name: Pixels, unit: count, dimensions: [ModelName, Level]}
  gauge:
  - {name: PredictionTime, unit: ms, dimensions: [ModelName, Level]}
"""
CONFIG: Final = """\
inference_address=http://127.0.0.1:0
management_address=http://127.0.0.1:0
metrics_address=http://127.0.0.1:0
grpc_inference_port=0
grpc_management_port=0
model_store={folder}/store
load_models=all
default_workers_per_model=1
metrics_config={folder}/metrics.yaml
metrics_mode={mode}
"""
SAMPLE: Final = re.compile(r"^(\w+)\{(.*),\} (\S+)$", re.MULTILINE)
LABEL: Final = re.compile(r'(\w+)="([^"]*)"')
LINE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d,\d{3} - (.*),timestamp:\d+")


class Served:
    """Where the server answers."""

    def __init__(self, inference: Address, management: Address, metrics: Address) -> None:
        self.inference, self.management, self.metrics = inference, management, metrics

    def predict(self, body: bytes, path: str = "/predictions/m") -> int:
        """The status of an answer."""
        return ask(self.inference, path, body)[0]

    def page(self, query: str = "") -> str:
        """The metrics."""
        status, text = ask(self.metrics, f"/metrics{query}")
        assert status == 200
        return text


def ask(address: Address, path: str, body: bytes | None = None) -> tuple[int, str]:
    try:
        with urlopen(f"http://{address.host}:{address.port}{path}", body) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


@contextmanager
def serving(folder: Path, mode: str) -> Iterator[Served]:
    """A server with a handler that measures."""
    (folder / "handler.py").write_text(HANDLER)
    (folder / "metrics.yaml").write_text(METRICS)
    (folder / "config.properties").write_text(CONFIG.format(folder=folder, mode=mode))
    words = ["--model-name", "m", "-v", "1.0", "--handler", str(folder / "handler.py")]
    assert run(["archive", *words, "--export-path", str(folder / "store")]) == 0
    flags = ["--start", "--foreground", "--ncs", "--dt", f"--ts-config={folder}/config.properties"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("METRICS_LOCATION", str(folder / "logs"))
        transports = ("http", "http", "http", "grpc")
        with serving_listeners(["--as", "torchserve", *flags], folder / "log", transports) as found:
            inference, management, metrics, *_ = found
            yield Served(inference, management, metrics)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path, "prometheus") as found:
        yield found


def logged(folder: Path, file: str) -> list[str]:
    """The lines of a log, without their times and the host's name."""
    lines = [found[1] for found in LINE.finditer((folder / "logs" / file).read_text())]
    return [re.sub(r"hostname:[^,]+", "hostname:H", line) for line in lines]


def values(page: str) -> dict[str, float]:
    """The values of a page, by name and labels; the host's name is left out."""
    assert list(text_string_to_metric_families(page)), "Prometheus reads it"
    found = {}
    for name, labels, value in SAMPLE.findall(page):
        texts = [text for key, text in LABEL.findall(labels) if key.lower() != "hostname"]
        found[" ".join([name, *texts])] = float(value)
    return found


def test_requests_times_workers_the_machine_and_handlers_are_shown(served: Served) -> None:
    statuses = [served.predict(b"x"), served.predict(b"x", "/predictions/m/1.0"), served.predict(b"fail")]
    assert statuses == [200, 200, 503]
    assert served.predict(b"x", "/predictions/nope") == 404
    assert served.predict(b"x", "/nowhere") == 404
    page = served.page()
    found = values(page)
    assert found["ts_inference_requests_total m default"] == 2
    assert found["ts_inference_requests_total m 1.0"] == 1
    assert found["ts_inference_latency_microseconds m 1.0"] > 0
    assert [found[f"Requests{n}XX Host"] for n in (2, 4, 5)] == [2, 2, 1]
    assert found["MemoryUsed Host"] > 0
    assert found["WorkerLoadTime W-9000-m_1.0 Host"] > 0
    assert found["PredictionTime m Model"] >= 0
    assert found["Pixels m Model"] == 21
    assert "Undefined" not in page
    assert re.search(r'^Pixels\{ModelName="m",Level="Model",Hostname="[^"]+",\} 21\.0$', page, re.MULTILINE)
    assert "# HELP Pixels Torchserve prometheus counter metric with unit: count\n" in page
    assert "# TYPE QueueTime gauge\n# " in page, "a family whose labels do not fit has no value"


def test_a_filter_names_the_metrics_that_are_shown(served: Served) -> None:
    served.predict(b"x")
    chosen = served.page("?name[]=Pixels&name%5B%5D=Requests2XX")
    assert {name.split()[0] for name in values(chosen)} == {"Pixels", "Requests2XX"}
    assert served.page("?name[]=nope") == ""
    assert ask(served.metrics, "/metrics/below?name[]=Pixels") == (200, served.page("?name[]=Pixels"))
    assert ask(served.metrics, "/ping")[0] == 404
    assert [ask(other, "/metrics")[0] for other in (served.inference, served.management)] == [404, 404]
    assert "ResourceNotFoundException" in ask(served.metrics, "/predictions/m", b"x")[1]


def test_in_the_logs_mode_the_page_is_empty_and_every_value_is_a_line_of_a_log(tmp_path: Path) -> None:
    with serving(tmp_path, "log") as served:
        assert served.predict(b"x") == 200
        assert served.page() == ""
    lines = logged(tmp_path, "ts_metrics.log")
    assert "Requests2XX.Count:1.0|#Level:Host|#hostname:H" in lines
    assert "ts_inference_requests_total.Count:1.0|#model_name:m,model_version:default|#hostname:H" in lines
    names = {line.partition(".")[0] for line in lines}
    assert names >= {"WorkerLoadTime", "MemoryUsed", "ts_inference_latency_microseconds"}
    assert "QueueTime" not in names, "its labels do not fit"
    lines = logged(tmp_path, "model_metrics.log")
    assert "Pixels.count:7.0|#ModelName:m,Level:Model|#hostname:H" in lines
    (line,) = [line for line in lines if line.startswith("PredictionTime.ms:3.5")]
    assert re.fullmatch(r".*\|#ModelName:m,Level:Model\|#hostname:H,requestID:[0-9a-f-]+", line)
    assert not any(line.startswith("Undefined") for line in lines)


def test_in_the_legacy_mode_three_are_shown_and_the_others_are_logged(tmp_path: Path) -> None:
    with serving(tmp_path, "legacy") as served:
        assert served.predict(b"x") == 200
        names = {name.split()[0] for name in values(served.page())}
    assert names == {"ts_inference_requests_total", "ts_inference_latency_microseconds"}
    assert "Requests2XX.Count:1.0|#Level:Host|#hostname:H" in logged(tmp_path, "ts_metrics.log")
    assert "Pixels.count:7.0|#ModelName:m,Level:Model|#hostname:H" in logged(tmp_path, "model_metrics.log")
