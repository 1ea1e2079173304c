"""`dragoman predict` and `dragoman.client` against a live server."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import ml_dtypes
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto

import dragoman
from dragoman.client import AsyncClient, Client, Code, InvalidInput, ServerError
from dragoman.core.tensors import NUMPY, DType
from tests.conformance import reference_models
from tests.e2e.process import dragoman_run
from tests.server_process import Addresses, serving
from tests.unit.client.driving import arrays, bits

DEMO: Final = Path(dragoman.__file__).parent / "demo"
SCHEMES: Final = ("http", "grpc")
MODELS: Final = {dtype: f"echo_{'string' if dtype is DType.BYTES else dtype.value}" for dtype in DType}


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    folder = tmp_path_factory.mktemp("predict")
    reference_models.write(folder / "models")
    (folder / "models" / "digits").symlink_to(DEMO / "digits")
    bfloat16 = folder / "models" / "echo_bfloat16" / "1"
    bfloat16.mkdir(parents=True)
    onnx.save(reference_models.echo(TensorProto.BFLOAT16), bfloat16 / "model.onnx")
    with serving([str(folder / "models")], folder / "log") as found:
        yield found


def url_of(addresses: Addresses, scheme: str) -> str:
    host, port = getattr(addresses, scheme)
    return f"{scheme}://{host}:{port}"


@pytest.fixture(scope="module", params=SCHEMES)
def url(addresses: Addresses, request: pytest.FixtureRequest) -> str:
    return url_of(addresses, request.param)


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Client]:
    with Client(url) as made:
        yield made


@given(data=st.data(), dtype=st.sampled_from(DType))
def test_every_type_comes_back_bit_for_bit(client: Client, data: st.DataObject, dtype: DType) -> None:
    array = data.draw(arrays(dtype))
    assert bits(client.infer(MODELS[dtype], {"x": array})["y"]) == bits(array)


def test_plain_values_become_what_the_model_takes(client: Client) -> None:
    result = client.infer("half_plus_two", {"x": [1, 2, 5]}, version=1)
    assert result["y"].tolist() == [2.5, 3.0, 4.5]
    assert (result["y"].dtype, result.model, result.version) == (np.float32, "half_plus_two", "1")
    tagged = client.infer("mixed", {"tag": ["é"], "signal": [[1, 2, 3, 4, 5]], "sensor": [[[1, 2], [3, 4]]]})
    assert tagged.text("tag_out").tolist() == ["é"]


def test_outputs_and_an_id_may_be_asked_for(client: Client) -> None:
    result = client.infer("two_out", {"x": [[3, 1]]}, outputs=["diff"], request_id="seven")
    assert {name: array.tolist() for name, array in result.items()} == {"diff": [2.0]}
    assert result.id == "seven"


def test_failures_have_the_same_code_over_either_transport(client: Client) -> None:
    with pytest.raises(ServerError) as unknown:
        client.infer("nope", {"x": np.zeros(1)})
    assert unknown.value.code is Code.NOT_FOUND
    with pytest.raises(ServerError) as wrong:
        client.infer("half_plus_two", {"x": np.zeros(1)})
    assert wrong.value.code is Code.INVALID_ARGUMENT
    with pytest.raises(InvalidInput, match="'z'"):
        client.infer("half_plus_two", {"z": [1]})


def test_metadata_and_readiness_are_told(client: Client) -> None:
    assert client.ready()
    assert client.ready("half_plus_two")
    assert not client.ready("nope")
    metadata = client.metadata("mixed")
    assert [str(spec) for spec in metadata.inputs.values()] == [
        "'tag': BYTES (?,)",
        "'signal': INT64 (?, 5)",
        "'sensor': INT64 (?, 2, 2)",
    ]


def test_threads_share_a_client(client: Client) -> None:
    def ask(number: int) -> float:
        return float(client.infer("half_plus_two", {"x": [number]}, version=1)["y"][0])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(200))) == [n / 2 + 2 for n in range(200)]


def test_tasks_share_a_client(url: str) -> None:
    async def ask() -> list[float]:
        async with AsyncClient(url) as client:
            calls = [client.infer("half_plus_two", {"x": [number]}, version=1) for number in range(200)]
            return [float(result["y"][0]) for result in await asyncio.gather(*calls)]

    assert asyncio.run(ask()) == [n / 2 + 2 for n in range(200)]


@pytest.mark.parametrize("size", [0, 1, 300_000, 5_000_000])
def test_tensors_of_any_size_come_back(url: str, size: int) -> None:
    sent = np.arange(size, dtype=np.float32)

    async def ask() -> Any:
        async with AsyncClient(url) as client:
            return (await client.infer("echo_float32", {"x": sent}))["y"]

    with Client(url) as client:
        assert bits(client.infer("echo_float32", {"x": sent})["y"]) == bits(sent)
    assert bits(asyncio.run(ask())) == bits(sent)


def test_v1_is_asked_over_http(addresses: Addresses) -> None:
    with Client(url_of(addresses, "http")) as client:
        assert client.predict("half_plus_two", [1.0, 2.0], version=1) == [2.5, 3.0]
        assert client.predict("half_plus_two", inputs={"x": np.array([1, 2])}, version=1) == [2.5, 3.0]


def predict(url: str, *arguments: str, **options: Any) -> Any:
    return dragoman_run("predict", *arguments, "--url", url, **options)


def test_the_command_shows_a_table(url: str) -> None:
    ended = predict(url, "half_plus_two:1", "--input", "x=[1, 2, 5]")
    assert ended.stdout.splitlines() == [
        "half_plus_two, version 1",
        "OUTPUT  TYPE  SHAPE  VALUES",
        "y       FP32  [3]    [2.5, 3. , 4.5]",
    ]
    assert (ended.stderr, ended.returncode) == ("", 0)


def test_the_command_reads_an_image(addresses: Addresses) -> None:
    url = url_of(addresses, "http")
    images = [str(DEMO / "images" / f"digit-{digit}.png") for digit in (7, 3)]
    files = [word for image in images for word in ("--file", image)]
    ended = predict(url, "digits", *files, "--scale", "16/255", "--output", "label", "--json")
    assert json.loads(ended.stdout)["outputs"] == {
        "label": {"datatype": "INT64", "shape": [2], "data": [7, 3]}
    }


def test_the_command_reads_and_writes_arrays(url: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[1.5, -2]]))
    saved = tmp_path / "out.npz"
    ended = predict(url, "matrix", "--file", str(tmp_path / "x.npy"), "--save", str(saved))
    assert ended.returncode == 0
    with np.load(saved) as outputs:
        assert outputs["t"].tolist() == [[1.5], [-2]]


def test_the_command_reads_what_is_piped_into_it(addresses: Addresses) -> None:
    document = '{"tag": "a", "signal": [[1, 2, 3, 4, 5]], "sensor": [[[1, 2], [3, 4]]]}'
    ended = predict(url_of(addresses, "http"), "mixed", "--file", "-", "--json", input=document)
    assert json.loads(ended.stdout)["outputs"]["tag_out"]["data"] == ["a"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["nope", "--input", "1"], 1, "unknown model"),
        (["half_plus_two", "--version", "9", "--input", "1"], 1, "9"),
        (["matrix", "--input", "[1, 2]", "--output", "nope"], 1, "nope"),
        (
            ["half_plus_two"],
            2,
            "give --input NAME=VALUE or --file FILE: 'half_plus_two' takes 'x': FP32 (?,)",
        ),
        (["half_plus_two", "--input", "z=1"], 2, "there is no input 'z'"),
        (["half_plus_two", "--input", "a"], 2, "takes JSON"),
        (["half_plus_two", "--input", '"a"'], 2, "'a' is no FP32"),
        (["half_plus_two", "--input", "@missing.npy"], 2, "missing.npy cannot be read"),
        (["half_plus_two", "--file", str(DEMO / "images" / "digit-7.png")], 2, "is an image"),
        (["half_plus_two", "--scale", "red"], 2, "--scale 'red'"),
        (["half_plus_two:1", "--version", "2"], 2, "the version is given twice"),
        (["half_plus_two:new"], 2, "'new' is no version"),
        (["half_plus_two", "--timeout", "0"], 2, "--timeout"),
        ([], 2, "TARGET"),
    ],
)
def test_what_goes_wrong_is_told_in_a_line_or_two(
    addresses: Addresses, arguments: list[str], code: int, told: str
) -> None:
    ended = predict(url_of(addresses, "http"), *arguments)
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == ""
    assert ended.stderr.startswith("dragoman: ")
    assert told in ended.stderr
    assert len(ended.stderr.splitlines()) <= 2


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_server_that_is_not_there_is_told(scheme: str) -> None:
    ended = predict(f"{scheme}://127.0.0.1:1", "digits", "--input", "1")
    assert ended.returncode == 1
    assert f"{scheme}://127.0.0.1:1" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_narrow_floats_are_numpy_s_and_ml_dtypes(client: Client) -> None:
    assert client.infer("echo_bfloat16", {"x": [1.5]})["y"].dtype == ml_dtypes.bfloat16
    assert client.infer("echo_float16", {"x": [1.5]})["y"].dtype == NUMPY[DType.FP16]
