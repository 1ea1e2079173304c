"""A `ModelServerConfig` as native models, refused in TensorFlow Serving's words where it would refuse it."""

from typing import Any

from msgspec import Struct

from dragoman.config.dialect import Note
from dragoman.config.dialects.tensorflow_serving.schemas import KEYS, MODEL_SERVER
from dragoman.config.text_message import Message
from dragoman.config.text_proto import read_text_proto
from dragoman.core.errors import DragomanError, invalid

FLAG = "model_config_file"


class Entry(Struct, frozen=True):
    """A model of the list, as native settings, and the line where it begins."""

    tree: dict[str, Any]
    line: int


def read_model_list(text: str, file: str) -> tuple[list[Entry], list[Note]]:
    """The models, and a note for each key that the file has.

    Errors: INVALID_ARGUMENT naming file and line, for each model that cannot be served.
    """
    config = read_text_proto(text, file, MODEL_SERVER)
    if "custom_model_config" in config:
        level, why = KEYS[FLAG]["custom_model_config"]
        return [], [Note(f"{file}: custom_model_config", level, why)]
    listed = config.message("model_config_list")
    models = [] if listed is None else listed.messages("config")
    entries, mistakes, seen = [], [], set()
    for model in models:
        try:
            if model.text("name") in seen:
                raise invalid(f"Illegal to list model {model.text('name')} multiple times in config list")
            entries.append(Entry(model_tree(model), model.line))
        except DragomanError as error:
            mistakes.append(f"{file}:{model.line}: {error.message}")
        seen.add(model.text("name"))
    if mistakes:
        raise invalid("\n".join(mistakes))
    return entries, notes_of(models, file)


def model_tree(model: Message) -> dict[str, Any]:
    """One model's native settings.

    Errors: INVALID_ARGUMENT.
    """
    name = model.text("name")
    if not name:
        raise invalid("a model of the list has no name")
    check_platform(model)
    tree: dict[str, Any] = {"name": name, "path": local_path(name, model.text("base_path"))}
    policy = model.message("model_version_policy")
    if policy is not None:
        tree |= versions(policy)
    labels = model.messages("version_labels")
    if labels:
        tree["labels"] = {label.text("key"): label.number("value") for label in labels}
    return tree


def check_platform(model: Message) -> None:
    """Nothing, if the list says of which platform the model is: the reference insists on it."""
    old = model.text("model_type", "MODEL_TYPE_UNSPECIFIED") != "MODEL_TYPE_UNSPECIFIED"
    new = bool(model.text("model_platform"))
    if old and new:
        raise invalid(
            "Illegal setting both ModelServerConfig::model_type and ModelServerConfig::model_platform."
        )
    if not old and not new:
        raise invalid(
            "Illegal setting neither ModelServerConfig::model_type nor ModelServerConfig::model_platform."
        )


def local_path(name: str, base_path: str) -> str:
    """A base path on this machine.

    Errors: INVALID_ARGUMENT for one that is relative, and for other machines' storage.
    """
    scheme, separator, rest = base_path.partition("://")
    if separator and scheme != "file":
        raise invalid(f"model {name}: {scheme}:// is not supported: give the path of a folder")
    path = rest if separator else base_path
    if not path.startswith("/"):
        raise invalid(f"Expected model {name} to have an absolute path or URI; got base_path()={base_path}")
    return path


def versions(policy: Message) -> dict[str, Any]:
    """A version policy; an empty one is that of the reference, the latest one."""
    specific, latest = policy.message("specific"), policy.message("latest")
    if "all" in policy:
        return {"versions": {"all": True}}
    if specific is not None:
        numbers = specific.numbers("versions")
        if not numbers:
            raise invalid("model_version_policy: specific names no versions")
        if min(numbers) < 0:
            raise invalid(f"model_version_policy: {min(numbers)} is no version")
        return {"versions": {"specific": numbers}}
    # Both 0 and nothing mean one version in the reference.
    return {"versions": {"latest": max(1, latest.number("num_versions") if latest else 1)}}


def notes_of(models: list[Message], file: str) -> list[Note]:
    """A note for each key, with the line where it stands first."""
    first: dict[str, int] = {}
    for model in models:
        for key, given in model.given.items():
            first.setdefault(key, given[0].line)
    return [Note(f"{file}:{line}: {key}", *KEYS[FLAG][key]) for key, line in first.items()]
