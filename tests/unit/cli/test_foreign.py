"""Whose a word behind `--as NAME` is."""

from pathlib import Path

import pytest

from dragoman.cli.foreign import rearranged
from dragoman.cli.main import build

AS = ["--as", "tfserving"]


def words(*arguments: str) -> list[str]:
    return rearranged(build(), ["serve", *arguments])


def theirs(flag: str) -> str:
    return f"--dialect-argument={flag}"


def test_a_flag_of_that_server_goes_to_its_dialect_and_ours_stay() -> None:
    assert words(*AS, "--rest_api_port=8501", "--host", "127.0.0.1") == [
        "serve", "--host", "127.0.0.1", "--as=tfserving", theirs("--rest_api_port=8501"),
    ]  # fmt: skip


@pytest.mark.parametrize("given", [["--port=8500", "--rest_api_port=8501"], ["--port=8500"]])
def test_a_flag_that_both_have_is_that_servers_behind_its_name(given: list[str]) -> None:
    assert words(*AS, *given) == ["serve", "--as=tfserving", *map(theirs, given)]


def test_a_flag_that_both_have_is_ours_before_the_name() -> None:
    assert words("--port", "0", *AS, "--port=8500") == [
        "serve", "--port", "0", "--as=tfserving", theirs("--port=8500"),
    ]  # fmt: skip


def test_a_line_with_a_path_and_no_flag_of_that_server_alone_is_ours(tmp_path: Path) -> None:
    path = str(tmp_path)
    assert words(path, *AS, "--port", "0") == ["serve", path, "--port", "0", "--as=tfserving"]
    assert words(*AS, path, "--port=0") == ["serve", path, "--port=0", "--as=tfserving"]
    assert words(path, *AS, "--port=1", "--rest_api_port=2") == [
        "serve", path, "--as=tfserving", theirs("--port=1"), theirs("--rest_api_port=2"),
    ]  # fmt: skip


def test_a_word_that_belongs_to_nobody_goes_to_the_dialect() -> None:
    assert words(*AS, "--no_such_flag", "7") == [
        "serve",
        "--as=tfserving",
        theirs("--no_such_flag"),
        theirs("7"),
    ]
