"""Models of `config.json` or of the command line as native ones."""

import posixpath
from collections.abc import Iterator
from typing import Any, Final

from msgspec import UNSET

from dragoman.config.dialect import Level, Note
from dragoman.config.dialects.ovms.config_file import KEYS, Latest, Model, Policy
from dragoman.core.errors import DragomanError, invalid
from dragoman.core.names import check_model_name

ENGINE: Final = "openvino"
NAMES_FILE: Final = "mapping_config.json"  # in a version's folder: other names for inputs and outputs
TAKEN: Final = "Given model name is already occupied"
DEFAULTS: Final = Model(name="")
NEWEST: Final = Policy(latest=Latest(num_versions=1))  # where no policy is given
OF_STATE: Final = ("low_latency_transformation", "idle_sequence_cleanup", "max_sequence_number")


def model_trees(models: list[Model], folder: str) -> tuple[list[dict[str, Any]], list[Note]]:
    """The models that can be served, and notes. Of two that share a name the first is served."""
    trees: dict[str, dict[str, Any]] = {}
    notes: list[Note] = []
    for model in models:
        key = f"model {model.name}"
        if model.name in trees:
            notes.append(Note(key, Level.REFUSED, TAKEN, len(trees)))
            continue
        try:
            trees[model.name] = model_tree(model, folder)
        except DragomanError as error:
            notes.append(Note(key, Level.REFUSED, error.message, len(trees)))
            continue
        notes += notes_of(model)
    return list(trees.values()), notes


def model_tree(model: Model, folder: str) -> dict[str, Any]:
    """One model's native settings. A relative path begins at the folder of the file.

    Errors: INVALID_ARGUMENT for what cannot be served.
    """
    check_model_name(model.name)
    for key in OF_STATE:
        if getattr(model, key) is not UNSET and not model.stateful:
            raise invalid(f"{key}: is of stateful models only, and stateful is not true")
    if not model.base_path:
        raise invalid("base_path is missing")
    if "://" in model.base_path:
        raise invalid(f"{model.base_path}: give the path of a folder on this machine")
    tree: dict[str, Any] = {
        "name": model.name,
        "path": posixpath.normpath(posixpath.join(folder, model.base_path)),
        "tensor_names": NAMES_FILE,
        "versions": versions(model.model_version_policy or NEWEST),
    }
    if options := engine_options(model):
        tree["engine_options"] = {ENGINE: options}
    if isinstance(model.layout, str) and model.layout:
        tree["preprocessing"] = {"layout": model.layout}
    if model.nireq:
        tree["threads"] = model.nireq
    return tree


def engine_options(model: Model) -> dict[str, Any]:
    """What the model's engine is told where that is OpenVINO."""
    given = {
        "batch_size": model.batch_size,
        "shape": model.shape,
        "layout": model.layout if isinstance(model.layout, dict) else {},
        "nireq": model.nireq,
        "plugin_config": model.plugin_config,
    }
    made = {key: value for key, value in given.items() if value}
    if model.target_device != DEFAULTS.target_device:
        made["target_device"] = model.target_device
    return made


def versions(policy: Policy) -> dict[str, Any]:
    """A version policy."""
    if policy.all:
        return {"all": True}
    if policy.specific:
        return {"specific": list(policy.specific.versions)}
    return {"latest": policy.latest.num_versions if policy.latest else 1, "fall_back": True}


def notes_of(model: Model) -> Iterator[Note]:
    """A note for each key of a model whose value is not its default."""
    for key in Model.__struct_fields__:
        if getattr(model, key) != getattr(DEFAULTS, key):
            level, text = KEYS["a model"][key]
            yield Note(f"model {model.name}: {key}", level, text)
