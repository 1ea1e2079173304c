"""Commands that edit `config.json`, or list a repository, and end."""

import json
import posixpath
from collections.abc import Callable, Mapping
from typing import Any, Final

from dragoman.config.command_line import CommandLine
from dragoman.config.dialect import Source, Translation
from dragoman.config.dialects.ovms.config_file import read_config
from dragoman.core.errors import Code, DragomanError, invalid

REPOSITORY: Final = "OVMS_MODEL_REPOSITORY_PATH"  # of the environment
VERSION_FILES: Final = (".xml", ".onnx", ".pdmodel", ".pb", ".tflite")


def listed(source: Source, line: CommandLine) -> Translation:
    """The models of a repository: folders that hold a version, to any depth that the reference looks at."""
    root = repository(source, line)
    lines = [name for name in sorted(source.names(root)) if is_model(source, f"{root}/{name}")]
    return Translation({}, message="\n".join([f"Available servable models in repository: {root}", *lines]))


def is_model(source: Source, folder: str) -> bool:
    """Whether the folder is a model's."""
    versions = [name for name in source.names(folder) if name.isdecimal()]
    return any(
        name.endswith(VERSION_FILES) for version in versions for name in source.names(f"{folder}/{version}")
    )


def added(source: Source, line: CommandLine) -> Translation:
    """The file with one model more; a file that is not there is made.

    Errors: ALREADY_EXISTS for a name that the file has.
    """
    name = needed(line, "model_name")
    path = line.text("model_path") or name
    if line.text("model_repository_path") or source.environment.get(REPOSITORY):
        path = posixpath.join(repository(source, line), path)
    file = config_file(line)
    try:
        document = read(source, file)
    except DragomanError as error:
        if error.code is not Code.NOT_FOUND:
            raise
        document = {"model_config_list": []}
    if name in names(document):
        raise DragomanError(Code.ALREADY_EXISTS, f"{file}: there is a model {name!r} already")
    document["model_config_list"].append({"config": {"name": name, "base_path": path}})
    return written(file, document, f"Model: {name} added to config: {file}")


def removed(source: Source, line: CommandLine) -> Translation:
    """The file without one model.

    Errors: NOT_FOUND for a name that the file does not have.
    """
    name, file = needed(line, "model_name"), config_file(line)
    document = read(source, file)
    if name not in names(document):
        raise DragomanError(Code.NOT_FOUND, f"{file}: there is no model {name!r}")
    models = document["model_config_list"]
    document["model_config_list"] = [entry for entry in models if entry["config"]["name"] != name]
    return written(file, document, f"Model: {name} removed from config: {file}")


def read(source: Source, file: str) -> dict[str, Any]:
    """The file, which has to be of the right form before it is changed."""
    text = source.read(file)
    read_config(text, file)
    document: dict[str, Any] = json.loads(text)
    return document


def names(document: Mapping[str, Any]) -> list[str]:
    """The names of the file's models."""
    return [entry["config"]["name"] for entry in document["model_config_list"]]


def written(file: str, document: Mapping[str, Any], message: str) -> Translation:
    """The file as it is to be, and what to say of it."""
    text = json.dumps(document, indent=4) + "\n"
    return Translation({}, message=message, writes={file: text})


def config_file(line: CommandLine) -> str:
    """The file of --config_path; a folder means the file in it that has the usual name."""
    path = needed(line, "config_path")
    return path if path.endswith(".json") else posixpath.join(path, "config.json")


def repository(source: Source, line: CommandLine) -> str:
    """The repository that is meant.

    Errors: INVALID_ARGUMENT where none is.
    """
    path = line.text("model_repository_path") or source.environment.get(REPOSITORY, "")
    if not path:
        raise invalid(f"--model_repository_path: give it, or {REPOSITORY} in the environment")
    return path


def needed(line: CommandLine, name: str) -> str:
    """The value of a flag that has to be given.

    Errors: INVALID_ARGUMENT.
    """
    value = line.text(name)
    if not value:
        raise invalid(f"--{name}: has to be given")
    return value


COMMANDS: Final[Mapping[str, Callable[[Source, CommandLine], Translation]]] = {
    "list_models": listed,
    "add_to_config": added,
    "remove_from_config": removed,
}
