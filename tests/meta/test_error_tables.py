"""Every table over error codes says something about each code."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

import dragoman
from dragoman import protocols
from dragoman.core.errors import Code


def tables() -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """Every module-level mapping of the package whose keys are codes, by name."""
    for found in pkgutil.walk_packages(dragoman.__path__, "dragoman."):
        if found.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(found.name)).items():
            if isinstance(value, Mapping) and any(isinstance(key, Code) for key in value):
                yield f"{found.name}.{name}", value


def test_a_table_over_codes_has_them_all() -> None:
    missing = {name: set(Code) - table.keys() for name, table in tables()}
    assert missing
    assert {name: codes for name, codes in missing.items() if codes} == {}


@pytest.mark.parametrize("name", [found.name for found in pkgutil.iter_modules(protocols.__path__)])
def test_a_protocol_says_its_number_for_every_code(name: str) -> None:
    errors = importlib.import_module(f"dragoman.protocols.{name}.errors")
    assert set(errors.HTTP_STATUS) == set(Code)
