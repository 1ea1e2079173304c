"""The text of a `model.yaml` -> ModelSettings; what may be written shorter in it and in `dragoman.yaml`."""

from collections.abc import Mapping
from typing import Any, Final

from dragoman.core.errors import invalid
from dragoman.settings.model import ExplainSettings, ModelSettings, VersionPolicy, WarmUpSettings
from dragoman.settings.pipeline import Source
from dragoman.settings.yaml_document import ShortForms, read_document

WORDS: Final[Mapping[str, Mapping[str, Any]]] = {"all": {"all": True}, "latest": {"latest": 1}}


def version_policy(value: Any) -> Mapping[str, Any]:
    """`versions: all`, `versions: latest` and `versions: [1, 3]` in the policy's own keys."""
    if isinstance(value, str) and value in WORDS:
        return WORDS[value]
    if isinstance(value, list) and value:
        return {"specific": value}
    raise invalid("write all, latest, {latest: N}, {specific: [N, ...]} or a list of versions")


def warm_up(value: Any) -> Mapping[str, Any]:
    """`warm_up: true` and `warm_up: false` in the setting's own keys."""
    if isinstance(value, bool):
        return {} if value else {"runs": 0}
    raise invalid("write true, false or {rows: N, runs: N}")


def explain(value: Any) -> Mapping[str, Any]:
    """`explain: off` in the setting's own keys."""
    if value is False or value == "off":
        return {"method": "off"}
    raise invalid("write off or {method: NAME, baseline: ...}")


def source(value: Any) -> Mapping[str, Any]:
    """`request.image` in the source's own keys. A node whose name has a dot cannot be written so."""
    if isinstance(value, str):
        node, _, output = value.partition(".")
        if node and output:
            return {"node": node, "output": output}
    raise invalid("write NODE.OUTPUT, as in request.image, or {node: NAME, output: NAME}")


SHORT_FORMS: Final[ShortForms] = {
    VersionPolicy: version_policy,
    WarmUpSettings: warm_up,
    ExplainSettings: explain,
    Source: source,
}


def read_model_settings(text: str, file: str) -> ModelSettings:
    """A model's settings.

    Errors: INVALID_ARGUMENT with a line `file:line: key: what is wrong` for every mistake.
    """
    return read_document(text, file, ModelSettings, SHORT_FORMS)
