"""Words after `--as NAME`."""

import pytest

from dragoman.cli.foreign import rearranged
from dragoman.cli.main import build


@pytest.mark.parametrize(
    ("arguments", "made"),
    [
        (["serve", "x"], ["serve", "x"]),
        (["serve", "x", "--as", "nobody", "--port=1"], ["serve", "x", "--as", "nobody", "--port=1"]),
        (["serve", "x", "--as"], ["serve", "x", "--as"]),
        (["serve", "x", "--as", "tfserving"], ["serve", "x", "--as=tfserving"]),
        (
            ["serve", "--port", "0", "--as=tfserving", "--port", "1"],
            ["serve", "--port", "0", "--as=tfserving", "--dialect-argument=--port", "--dialect-argument=1"],
        ),
        (
            ["serve", "--as", "tfserving", "x", "--host", "h", "--model_name=m"],
            ["serve", "x", "--host", "h", "--as=tfserving", "--dialect-argument=--model_name=m"],
        ),
        (
            ["serve", "--as", "tfserving", "--frob", "1", "--v=1", "--help"],
            ["serve", "--help", "--as=tfserving", "--dialect-argument=--frob", "--dialect-argument=1",
             "--dialect-argument=--v=1"],
        ),
        (
            ["config", "show", "--as", "tfserving", "--json", "--enable_batching"],
            ["config", "show", "--json", "--as=tfserving", "--dialect-argument=--enable_batching"],
        ),
    ],
)  # fmt: skip
def test_words_go_to_whom_they_belong(arguments, made):
    assert rearranged(build(), arguments) == made
