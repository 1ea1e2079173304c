"""Which models there are: by a list, by one folder, or as the Docker image's environment names them."""

from typing import Final

from dragoman.config.dialects.tensorflow_serving.model_list import local_path, read_model_list
from dragoman.config.writer import Writer
from dragoman.core.errors import invalid

IMAGE_NAME: Final = "model"
IMAGE_BASE_PATH: Final = "/models"


def write_models(writer: Writer) -> None:
    """`models`, or none where the command line has a PATH of its own.

    Errors: INVALID_ARGUMENT.
    """
    before_load = "allow_version_labels_for_unavailable_models"
    writer.set("labels_before_load", writer.line.on(before_load), f"--{before_load}")
    path, base_path = writer.line.text("model_config_file"), writer.line.text("model_base_path")
    if path:
        write_list(writer, path)
    elif base_path:
        write_one(writer, writer.line.text("model_name"), base_path, "--model_base_path")
    elif writer.source.path is None:
        write_image_model(writer)


def write_list(writer: Writer, path: str) -> None:
    """The models of a file."""
    entries, notes = read_model_list(writer.source.read(path), path)
    writer.notes += notes
    writer.set("models", [entry.tree for entry in entries], path)
    for index, entry in enumerate(entries):
        writer.origins[f"models[{index}]"] = f"{path}:{entry.line}"


def write_image_model(writer: Writer) -> None:
    """The one model that the Docker image serves."""
    environment = writer.source.environment
    if "MODEL_NAME" not in environment and "MODEL_BASE_PATH" not in environment:
        raise invalid(
            "Both --model_base_path and --model_config_file are empty! "
            "Give one of them, a PATH, or MODEL_NAME in the environment"
        )
    name = environment.get("MODEL_NAME") or IMAGE_NAME
    folder = environment.get("MODEL_BASE_PATH") or IMAGE_BASE_PATH
    write_one(writer, name, f"{folder}/{name}", "MODEL_NAME and MODEL_BASE_PATH")


def write_one(writer: Writer, name: str, base_path: str, origin: str) -> None:
    """A single model."""
    writer.set("models", [{"name": name, "path": local_path(name, base_path)}], origin)
