"""Settings in environment variables.

`DRAGOMAN_` and the key, its parts joined by two underscores: `DRAGOMAN_LIMITS__BODY_BYTES=1000000`. Keys that
hold lists or free mappings are not for the environment. `DRAGOMAN_HOST`, `DRAGOMAN_HTTP_PORT` and
`DRAGOMAN_GRPC_PORT` mean the listeners. Variables that other servers have read are read here, too; one of
our own wins over them.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from dragoman.config.overlay import Override
from dragoman.core.errors import invalid
from dragoman.settings.server import Port, ServerSettings
from dragoman.settings.yaml_document import unknown_key

PREFIX: Final = "DRAGOMAN_"
CONFIG: Final = "DRAGOMAN_CONFIG"  # the path of dragoman.yaml
# Kubernetes tells every container of the services there are; one that is called dragoman has these.
SERVICE: Final = re.compile(r"DRAGOMAN_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_\w+)?)")
LISTENERS: Final[Mapping[str, tuple[str, str, Any]]] = {
    "DRAGOMAN_HOST": ("*", "host", str),
    "DRAGOMAN_HTTP_PORT": ("http", "port", Port),
    "DRAGOMAN_GRPC_PORT": ("grpc", "port", Port),
}


FOREIGN: Final[Mapping[str, str]] = {  # KServe's
    "CE_MERGE": "cloud_events.merge",
    "CE_SOURCE": "cloud_events.source",
    "CE_TYPE": "cloud_events.type",
}


def environment_overrides(environment: Mapping[str, str]) -> list[Override]:
    """The values that the environment gives.

    Errors: INVALID_ARGUMENT with a line for every variable that means nothing or has another type.
    """
    made, mistakes = foreign_overrides(environment), []
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name == CONFIG or SERVICE.fullmatch(name):
            continue
        try:
            made.append(override(name, environment[name]))
        except (msgspec.ValidationError, LookupError) as error:
            mistakes.append(f"{name}: {said(error)}")
    if mistakes:
        raise invalid("\n".join(mistakes))
    return made


def foreign_overrides(environment: Mapping[str, str]) -> list[Override]:
    """What other servers' variables say. One that is empty says nothing; a switch is on if it is `true`."""
    made = []
    for name, key in FOREIGN.items():
        if text := environment.get(name):
            switch = form_of(key.split(".")) is bool
            made.append(Override(key, text.lower() == "true" if switch else text, f"environment {name}"))
    return made


def override(name: str, text: str) -> Override:
    """One variable's value.

    Errors: LookupError where there is no such key; msgspec.ValidationError for a value of another type.
    """
    origin = f"environment {name}"
    if name in LISTENERS:
        transport, key, form = LISTENERS[name]
        return Override(key, msgspec.convert(text, form, strict=False), origin, transport)
    path = name.removeprefix(PREFIX).lower().split("__")
    form = form_of(path)
    value = msgspec.to_builtins(msgspec.convert(text, form, strict=False))
    return Override(".".join(path), value, origin)


def form_of(path: list[str]) -> Any:
    """The type of a key.

    Errors: LookupError.
    """
    form: Any = ServerSettings
    for part in path:
        known = {field.encode_name: field.type for field in fields_of(form)}
        if not known:
            raise LookupError("this key holds no others")
        if part not in known:
            raise LookupError(unknown_key(part, list(known)))
        form = known[part]
    if fields_of(form):
        raise LookupError(f"this is a section: name a key of it, as {path[-1]}__{fields_of(form)[0].name}")
    return form


def fields_of(form: Any) -> tuple[Any, ...]:
    """The keys of a section; nothing where it is none."""
    struct = isinstance(form, type) and issubclass(form, msgspec.Struct)
    return msgspec.structs.fields(form) if struct else ()


def said(error: Exception) -> str:
    """A mistake in words."""
    text = str(error.args[0]) if error.args else str(error)
    return text[:1].lower() + text[1:].replace("`", "")
