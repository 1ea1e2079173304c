"""`dragoman predict --explain` and the client's `explain` against a live server."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from PIL import Image

import dragoman
from dragoman.client import AsyncClient, Client, Code, InvalidInput, ServerError
from tests.conformance import reference_models
from tests.e2e.process import dragoman_run
from tests.server_process import Addresses, serving

DEMO: Final = Path(dragoman.__file__).parent / "demo"


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    folder = tmp_path_factory.mktemp("explain")
    reference_models.write(folder / "models")
    (folder / "models" / "digits").symlink_to(DEMO / "digits")
    with serving([str(folder / "models")], folder / "log") as found:
        yield found


@pytest.fixture(scope="module")
def url(addresses: Addresses) -> str:
    host, port = addresses.http
    return f"http://{host}:{port}"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return Path(shutil.copy(DEMO / "images" / "digit-7.png", tmp_path))


def test_a_picture_is_explained_by_bars_and_a_heat_map_beside_it(url: str, picture: Path) -> None:
    arguments = ("digits", "--file", str(picture), "--scale", "16/255", "--explain", "--url", url)
    ended = dragoman_run("predict", *arguments)
    assert ended.returncode == 0, ended.stderr
    before, _, bars = ended.stdout.partition("\nwhat each value adds\n")
    assert before.startswith("digits, version 1\nOUTPUT")
    adds = [float(line.split()[2]) for line in bars.splitlines()[:20]]
    assert [abs(one) for one in adds] == sorted((abs(one) for one in adds), reverse=True)
    made = picture.with_name("digit-7.explained.png")
    assert ended.stdout.splitlines()[-1] == f"{made}: red raises the answer, blue lowers it"
    with Image.open(made) as image:
        assert (image.format, image.size) == ("PNG", (256, 256))
        assert any(red > 1.5 * blue for red, _, blue in np.asarray(image).reshape(-1, 3).tolist())


def test_as_json_the_numbers_stand_beside_the_outputs_and_nothing_else_is_printed(
    url: str, picture: Path, tmp_path: Path
) -> None:
    wanted = tmp_path / "map.png"
    arguments = ("digits", "--file", str(picture), "--explain", "--json", "--output-image", str(wanted))
    ended = dragoman_run("predict", *arguments, "--url", url)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert np.shape(told["explanations"]["image"]) == (1, 64)
    assert told["outputs"]["label"]["shape"] == [1]
    assert ended.stderr == f"{wanted}: red raises the answer, blue lowers it\n"
    assert wanted.is_file()


def test_a_linear_model_shows_what_the_numbers_mean(url: str) -> None:
    arguments = ("predict", "half_plus_two", "--input", "[1.0, 3.0]", "--explain", "--json", "--url", url)
    ended = dragoman_run(*arguments)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["explanations"] == {"x": [0.5, 1.5]}


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (
            ["half_plus_two", "--input", "[1.0]", "--output-image", "m.png"],
            2,
            "--output-image is for --explain",
        ),
        (
            ["half_plus_two", "--input", "[1.0]", "--explain", "--output-image", "m.png"],
            2,
            "--output-image: none of the inputs is an image",
        ),
        (["echo_int64", "--input", "[1]", "--explain"], 1, "has no explainer"),
        (["nobody", "--input", "[1.0]", "--explain"], 1, "nobody"),
    ],
)
def test_what_cannot_be_explained_is_told(url: str, arguments: list[str], code: int, told: str) -> None:
    ended = dragoman_run("predict", *arguments, "--url", url)
    assert ended.returncode == code, ended.stderr
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


def test_over_grpc_there_are_no_explanations(addresses: Addresses) -> None:
    host, port = addresses.grpc
    arguments = ("half_plus_two", "--input", "[1.0]", "--explain", "--url", f"grpc://{host}:{port}")
    ended = dragoman_run("predict", *arguments)
    assert ended.returncode == 2
    assert "`explain` is JSON over HTTP: give the client an http:// address" in ended.stderr


def test_the_client_gives_the_numbers_nested_as_the_values_are(url: str) -> None:
    with Client(url) as client:
        assert client.explain("half_plus_two", [1.0, 3.0]) == [0.5, 1.5]
        assert client.explain("half_plus_two", inputs={"x": np.array([1.0, 3.0])}) == {"x": [0.5, 1.5]}
        baseline = client.explain("half_plus_two", [3.0], parameters={"baseline": 1.0})
        assert baseline == pytest.approx([1.0])
        with pytest.raises(InvalidInput, match="either instances or inputs"):
            client.explain("half_plus_two")
        with pytest.raises(ServerError) as caught:
            client.explain("half_plus_two", [1.0], parameters={"method": "guessing"})
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_the_asynchronous_client_does_too(url: str) -> None:
    async def ask() -> object:
        async with AsyncClient(url) as client:
            return await client.explain("half_plus_two", [1.0])

    assert asyncio.run(ask()) == [0.5]
