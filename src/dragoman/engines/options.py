"""An engine's options: what `options:` in model.yaml holds, checked against a struct of the engine's."""

import difflib
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from dragoman.core.errors import invalid

T = TypeVar("T", bound=msgspec.Struct)


def read_options(options: Mapping[str, Any], form: type[T], engine: str) -> T:
    """The options as the engine's own struct.

    Errors: INVALID_ARGUMENT naming the key that is none of the engine's, or whose value does not fit.
    """
    known = [field.encode_name for field in msgspec.structs.fields(form)]
    for key in options:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
            raise invalid(f"options.{key}: the engine {engine} has no such option; {hint}")
    values = {}
    for field in msgspec.structs.fields(form):
        if field.encode_name in options:
            values[field.name] = read_value(options[field.encode_name], field.type, field.encode_name)
    return form(**values)


def read_value(value: Any, form: Any, key: str) -> Any:
    """One option's value as the type it should have."""
    try:
        return msgspec.convert(value, form)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        raise invalid(f"options.{key}{where.rstrip('`')}: {what}") from None
