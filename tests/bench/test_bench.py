"""The benchmark's parts run; how fast they are is not asked here."""

import base64
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench import layers, models, results
from bench.__main__ import main
from bench.archives import ECHOES, Beside, Cost, EchoLoad
from bench.load import Load, LoadFailedError, check_tools
from bench.rounds import (
    QUICK,
    SECTIONS,
    BesideFigures,
    Figures,
    ImageFigures,
    Measured,
    PairFigures,
    Round,
    summary,
)
from bench.workloads import BATCHING, BESIDE, ENGINES, IMAGES, WORKLOADS, Workload
from dragoman.wire.protobuf import message_class


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench") / "models"
    models.write(folder)
    return folder


def values(workload: Workload) -> np.ndarray:
    """What the workload's body holds."""
    return READERS[workload.form.name](workload)


def of_rest(workload: Workload) -> np.ndarray:
    return np.array(json.loads(workload.body())["instances"], np.float32)


def of_grpc(workload: Workload) -> np.ndarray:
    tensor = message_class("tensorflow.serving.PredictRequest").FromString(workload.body()).inputs["x"]
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    return np.frombuffer(tensor.tensor_content, np.float32).reshape(shape)


def of_v2_json(workload: Workload) -> np.ndarray:
    (tensor,) = json.loads(workload.body())["inputs"]
    return np.array(tensor["data"], np.float32).reshape(tensor["shape"])


def of_v2_binary(workload: Workload) -> np.ndarray:
    body = workload.body()
    end = int(workload.headers()["Inference-Header-Content-Length"])
    (tensor,) = json.loads(body[:end])["inputs"]
    assert tensor["parameters"]["binary_data_size"] == len(body) - end
    return np.frombuffer(body[end:], np.float32).reshape(tensor["shape"])


def of_v2_grpc(workload: Workload) -> np.ndarray:
    request = message_class("inference.ModelInferRequest").FromString(workload.body())
    return np.frombuffer(request.raw_input_contents[0], np.float32).reshape(request.inputs[0].shape)


READERS = {
    "REST": of_rest,
    "gRPC": of_grpc,
    "V2 JSON": of_v2_json,
    "V2 binary": of_v2_binary,
    "V2 gRPC": of_v2_grpc,
}


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_a_body_holds_the_values_that_the_bare_runtime_gets(workload: Workload) -> None:
    np.testing.assert_array_equal(values(workload), workload.array())


def file_of_rest(workload: Workload) -> bytes:
    return base64.b64decode(json.loads(workload.body())["instances"][0]["b64"])


def file_of_grpc(workload: Workload) -> bytes:
    (file,) = (
        message_class("tensorflow.serving.PredictRequest").FromString(workload.body()).inputs["x"].string_val
    )
    return file


def file_of_v2_binary(workload: Workload) -> bytes:
    return without_length(workload.body()[int(workload.headers()["Inference-Header-Content-Length"]) :])


def file_of_v2_grpc(workload: Workload) -> bytes:
    (raw,) = message_class("inference.ModelInferRequest").FromString(workload.body()).raw_input_contents
    return without_length(raw)


def without_length(data: bytes) -> bytes:
    assert int.from_bytes(data[:4], "little") == len(data) - 4
    return data[4:]


FILE_READERS = {
    "REST, base64": file_of_rest,
    "gRPC": file_of_grpc,
    "V2 binary": file_of_v2_binary,
    "V2 gRPC": file_of_v2_grpc,
}


@pytest.mark.parametrize("workload", IMAGES, ids=lambda one: f"{one.name}-{one.connections}")
def test_a_body_holds_the_file_that_is_decoded_alone(workload: Workload) -> None:
    file = FILE_READERS[workload.form.name](workload)
    assert file == workload.array().item()
    with Image.open(io.BytesIO(file)) as image:
        assert (image.format, image.size, image.mode) == ("JPEG", (640, 480), "RGB")


def test_a_file_is_as_large_as_a_photograph_of_its_size() -> None:
    assert 40_000 < len(IMAGES[0].array().item()) < 150_000


def test_both_engines_get_the_same_file(tmp_path: Path) -> None:
    models.write_for_openvino(tmp_path)
    files = [tmp_path / workload.model / "1" / "model.onnx" for workload in ENGINES[0]]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert (tmp_path / ENGINES[0].other.model / "model.yaml").read_text() == "engine: openvino\n"


def test_a_section_that_there_is_not_is_told_with_those_that_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--quick", "opnvino"]) == 2
    told = capsys.readouterr().err
    assert all(name in told for name in SECTIONS)


def test_a_program_that_is_missing_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.joinpath("wrk").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LoadFailedError, match="h2load is missing: apt-get install nghttp2-client"):
        check_tools()


def measured(module: str, repository: Path) -> Any:
    """What a program that measures in a process of its own prints."""
    command = [sys.executable, "-m", module, str(repository), "0.01"]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def test_the_bare_runtime_is_measured_for_every_workload(repository: Path) -> None:
    found = measured("bench.runtime", repository)
    assert found.keys() == {workload.name for workload in WORKLOADS}
    assert min(found.values()) > 0


def test_every_layer_is_measured_for_every_workload(repository: Path) -> None:
    found = measured("bench.layers", repository)
    assert found.keys() == {workload.name for workload in WORKLOADS}
    assert {tuple(times) for times in found.values()} == {layers.COLUMNS}
    assert min(min(times.values()) for times in found.values()) >= 0


def test_images_are_decoded_alone(repository: Path) -> None:
    assert measured("bench.decoding", repository) > 0


PIPELINES = {"4 models": {"pipeline": 30.0, "calls": 20.0}}


def one_round(requests_per_s: float) -> Round:
    """A round that found the echo at this rate, the server at half of it, and batching 3 % slower still."""
    echo, server, batched = (
        Load(requests_per_s * share, 1e-4 / share, 2e-4 / share) for share in (1.0, 0.5, 0.485)
    )
    return Round(
        echoes=[echo] * len(WORKLOADS),
        servers=[server] * len(WORKLOADS),
        pairs=[(server, batched)] * len(BATCHING),
        mlservers=[batched] * len(BESIDE),
        runtime={workload.name: 4e8 / requests_per_s for workload in WORKLOADS},
        layers={workload.name: dict.fromkeys(layers.COLUMNS, 2.0) for workload in WORKLOADS},
        pipelines=PIPELINES,
        engines=[(server, batched)] * len(ENGINES),
        images=[(server, requests_per_s * 0.625)] * len(IMAGES),
    )


def test_the_summary_is_the_median_of_the_rounds() -> None:
    measured = summary([one_round(rate) for rate in (90_000, 100_000, 400_000)])
    assert [one.workload for one in measured.workloads] == list(WORKLOADS)
    assert {one.echo.requests_per_s for one in measured.workloads} == {100_000}
    assert {one.server.requests_per_s for one in measured.workloads} == {50_000}
    assert measured.workloads[0].runtime_s == pytest.approx(4e-6)
    assert [one.pair for one in measured.batching] == list(BATCHING)
    assert [one.workload for one in measured.beside] == list(BESIDE)
    assert {one.other.requests_per_s for one in measured.batching} == {48_500}
    assert [one.pair for one in measured.engines] == list(ENGINES)
    assert {round(one.ratio, 3) for one in measured.engines} == {0.97}
    assert [one.workload for one in measured.images] == list(IMAGES)
    assert {round(one.ratio, 3) for one in measured.images} == {0.8}


def test_what_was_not_measured_is_not_reported() -> None:
    one = one_round(100_000)
    measured = summary([Round(engines=one.engines)])
    assert measured == Measured(workloads=[], batching=[], beside=[], engines=measured.engines, images=[])
    titles = [line for line in results.render(measured, QUICK).splitlines() if line.startswith("## ")]
    assert len(titles) == 1
    assert titles[0].startswith("## The same file in OpenVINO")


def test_the_report_shows_rates_their_ratio_and_what_is_left_for_the_layers() -> None:
    layers_us = dict.fromkeys(layers.COLUMNS, 2.0)
    figures = Figures(WORKLOADS[0], Load(40_000, 1e-3, 2e-3), Load(100_000, 5e-4, 1e-3), 4e-6, layers_us)
    report = results.render(Measured([figures]), QUICK)
    assert "| REST: half_plus_two, one value | 64 | 40,000 | 1.00 | 2.00 | 100,000 | 0.40 |" in report
    assert "| REST: half_plus_two, one value | 25.0 | 10.0 | 4.0 | 4,000 | 11.0 |" in report


def test_the_report_shows_what_batching_does_to_the_rate_and_to_the_median() -> None:
    pair = PairFigures(BATCHING[-1], Load(10_000, 100e-6, 2e-4), Load(9_800, 103e-6, 2e-4), 0.98)
    report = results.render(summary([one_round(100_000)])._replace(batching=[pair]), QUICK)
    assert "| REST: MLP 32-64-64-3, 1 row | 1 | 10,000 | 9,800 | 100.0 | 103.0 | +3.0% |" in report


def test_the_report_shows_how_many_times_the_rate_of_mlserver_is_reached() -> None:
    beside = BesideFigures(BESIDE[0], Load(32_000, 1e-3, 2e-3), Load(2_000, 2e-2, 3e-2))
    report = results.render(summary([one_round(100_000)])._replace(beside=[beside]), QUICK)
    assert "| V2 JSON: half_plus_two, one value | 64 | 32,000 | 2,000 | 16.0 | 1.00 | 20.00 |" in report


def test_the_report_shows_the_rate_of_openvino_beside_that_of_onnx_runtime() -> None:
    pair = PairFigures(ENGINES[0], Load(25_000, 2e-3, 3e-3), Load(24_000, 2.1e-3, 3e-3), 0.95)
    report = results.render(Measured(engines=[pair]), QUICK)
    assert "| REST: MLP 32-64-64-3, 1 row | 64 | 25,000 | 24,000 | 2.00 | 2.10 | 0.95 |" in report


def test_the_report_shows_the_rate_of_images_beside_that_of_decoding_alone() -> None:
    figures = ImageFigures(IMAGES[0], Load(640, 6e-3, 9e-3), 720.0, 0.89)
    report = results.render(Measured(images=[figures]), QUICK)
    assert "| REST, base64: JPEG 640 x 480 | 4 | 640 | 6.00 | 9.00 | 720 | 0.89 |" in report


def beside_torchserve(rate: float, theirs: float) -> Beside:
    loads = {
        "dragoman": [EchoLoad(Load(rate, 1e-2, 2e-2), 250e-6)] * 2,
        "torchserve": [EchoLoad(Load(theirs, 3e-2, 5e-2), 1_000e-6)] * 2,
    }
    return Beside(loads, {"dragoman": Cost(2.5, 170e6), "torchserve": Cost(35.0, 4_200e6)})


def test_the_report_shows_archives_beside_torchserve() -> None:
    rounds = [Round(archives=beside_torchserve(rate, 1_000)) for rate in (2_900, 3_000, 4_000)]
    found = summary(rounds)
    assert found.archives is not None
    assert [(one.workload, one.ratio) for one in found.archives.echoes] == [(echo, 3.0) for echo in ECHOES]
    report = results.render(found, QUICK)
    assert (
        "| a handler that echoes 100 bytes | 32 | 3,000 | 1,000 | 3.0 | 10.00 | 30.00 | 250 | 1,000 | 4.0 |"
        in report
    )
    assert "| started, s | 2.5 | 35.0 |" in report
    assert "| memory, MB (PSS) | 170 | 4,200 |" in report
