"""`MAR-INF/MANIFEST.json`, which tells of a model archive what it is.

Source: torch-model-archiver 0.12. Its readers take a number where a text is wanted, as it is written, and
null for a key that is not there.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import field

from dragoman.core.errors import Code, DragomanError, Reason

MANIFEST: Final = "MAR-INF/MANIFEST.json"
MOST_BYTES: Final = 1 << 20
PYTHON: Final = "python"
FIRST_VERSION: Final = "1.0"


class ManifestModel(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The model of an archive. Files are named by their places in it; an empty text is a key not given."""

    model_name: str = ""
    model_version: str = FIRST_VERSION  # any text
    handler: str = ""  # `file.py`, `file`, either with `:function`, or one of the handlers that come along
    serialized_file: str = ""
    model_file: str = ""
    requirements_file: str = ""
    config_file: str = ""
    source_vocab: str = ""
    envelope: str = ""
    description: str = ""
    extensions: Mapping[str, Any] = field(default_factory=dict)


class Manifest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A whole manifest. Keys that are not listed here say nothing to a server."""

    model: ManifestModel = ManifestModel()
    runtime: str = PYTHON
    created_on: str = ""
    archiver_version: str = ""
    description: str = ""


def read_manifest(data: bytes, shown: str) -> Manifest:
    """What a manifest says; `shown` is its place, for messages.

    Errors: INVALID_ARGUMENT with reason MANIFEST_MALFORMED.
    """
    if len(data) > MOST_BYTES:
        raise malformed(shown, f"it is larger than {MOST_BYTES} bytes")
    try:
        tree = json.loads(data)
        written = json.loads(data, parse_float=str, parse_int=str)  # 1.10 is a version other than 1.1
    except (ValueError, RecursionError) as error:
        raise malformed(shown, "it is not JSON") from error
    given = mapping(written, shown, "it")
    model = mapping(given.get("model"), shown, "model")
    extensions = mapping(model and tree["model"].get("extensions"), shown, "model.extensions")
    return Manifest(
        model=ManifestModel(**texts_of(ManifestModel, model, shown, "model."), extensions=extensions),
        **texts_of(Manifest, given, shown, ""),
    )


def mapping(value: Any, shown: str, what: str) -> Mapping[str, Any]:
    """A JSON object; an empty one for null."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise malformed(shown, f"{what} is no object")
    return value


def texts_of(form: type[msgspec.Struct], given: Mapping[str, Any], shown: str, below: str) -> dict[str, str]:
    """The text fields of a struct that are given."""
    found = {}
    for name, key in zip(form.__struct_fields__, form.__struct_encode_fields__, strict=True):
        value = given.get(key)
        if name in ("model", "extensions") or value is None or value == "":
            continue
        if isinstance(value, dict | list):
            raise malformed(shown, f"{below}{key} is no text")
        found[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return found


def malformed(shown: str, why: str) -> DragomanError:
    """The error for a manifest that is none."""
    return DragomanError(
        Code.INVALID_ARGUMENT, f"{shown} is no manifest: {why}", reason=Reason.MANIFEST_MALFORMED
    )
