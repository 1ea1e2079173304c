"""The layer for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.handler_layer import Layer, in_process


@pytest.fixture
def layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Layer]:
    with in_process(tmp_path, monkeypatch) as made:
        yield made
