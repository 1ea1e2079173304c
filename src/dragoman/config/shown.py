"""Settings as they are shown: every key with its value and its origin, and nothing that is secret."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
import yaml
from msgspec import Struct

from dragoman.config.dialect import Note
from dragoman.config.overlay import DEFAULT
from dragoman.settings.server import ServerSettings
from dragoman.settings.tls import is_pem

WITHHELD: Final = "(not shown)"


class Row(Struct, frozen=True):
    """One setting that is in force."""

    key: str
    value: Any
    origin: str


def rows(settings: ServerSettings, origins: Mapping[str, str]) -> Iterator[Row]:
    """Every setting, the defaults too."""
    for key, value in leaves(without_secrets(msgspec.to_builtins(settings)), ""):
        yield Row(key, value, origin_of(key, origins))


def leaves(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Every value that holds no others, with its key."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from leaves(inner, f"{key}.{name}" if key else name)
    elif isinstance(value, list | tuple) and any(isinstance(inner, dict) for inner in value):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{key}[{index}]")
    else:
        yield key, value


def origin_of(key: str, origins: Mapping[str, str]) -> str:
    """Where a value is given: at its own key, or with all of a key above it."""
    while key:
        if key in origins:
            return origins[key]
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    return DEFAULT


def without_secrets(value: Any, key: str = "") -> Any:
    """The same tree with passwords, their hashes and the text of private keys taken out."""
    if isinstance(value, dict):
        return {name: without_secrets(inner, f"{key}.{name}") for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(inner, key) for inner in value]
    if (
        isinstance(value, str)
        and value
        and (key.endswith((".hash", ".keystore_password")) or (key.endswith(".key") and is_pem(value)))
    ):
        return WITHHELD
    return value


def document(tree: Mapping[str, Any], notes: tuple[Note, ...]) -> str:
    """A `dragoman.yaml` that says the same, with the notes before it."""
    lines = [f"# {note}".replace("\n", " ") for note in notes]
    text = yaml.safe_dump({"version": 1, **without_secrets(tree)}, sort_keys=False, allow_unicode=True)
    return "\n".join([*lines, text])
