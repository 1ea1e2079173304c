"""The JSON Schema of `dragoman.yaml`, as editors use it."""

import json
from typing import Any, Final

import msgspec

from dragoman.settings.model import VersionPolicy, WarmUpSettings
from dragoman.settings.pipeline import Source
from dragoman.settings.server import ServerSettings

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
# Structs that may be written shorter, as settings/model_document.py reads them.
SHORTER: Final[dict[str, list[dict[str, Any]]]] = {
    VersionPolicy.__name__: [
        {"enum": ["all", "latest"]},
        {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1},
    ],
    WarmUpSettings.__name__: [{"type": "boolean"}],
    Source.__name__: [{"type": "string", "pattern": r"^[^.]+\.."}],
}


def schema_text() -> str:
    """The schema as it is published."""
    schema = msgspec.json.schema(ServerSettings)
    definitions = schema["$defs"]
    for name, forms in SHORTER.items():
        definitions[name] = {"anyOf": [definitions[name], *forms]}
    whole = {"$schema": DIALECT, "title": "dragoman.yaml", **schema}
    return json.dumps(whole, indent=2, ensure_ascii=False)
