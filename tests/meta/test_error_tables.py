"""Every table over error codes says something about each code."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

import dragoman
from dragoman import protocols
from dragoman.core.errors import Code


def tables() -> Iterator[Any]:
    """Every module-level mapping of the package whose keys are codes."""
    for found in pkgutil.walk_packages(dragoman.__path__, "dragoman."):
        if found.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(found.name)).items():
            if isinstance(value, Mapping) and any(isinstance(key, Code) for key in value):
                yield pytest.param(value, id=f"{found.name}.{name}")


@pytest.mark.parametrize("table", list(tables()))
def test_a_table_over_codes_has_them_all(table: Mapping[Code, object]) -> None:
    assert set(table) == set(Code)


@pytest.mark.parametrize("name", [found.name for found in pkgutil.iter_modules(protocols.__path__)])
def test_a_protocol_says_its_number_for_every_code(name: str) -> None:
    errors = importlib.import_module(f"dragoman.protocols.{name}.errors")
    assert set(errors.HTTP_STATUS) == set(Code)
