"""Whether and how requests are joined: for all models by flags, or for each by a file of its own."""

from collections.abc import Iterator
from typing import Any, Final

from dragoman.config.command_line import wrong
from dragoman.config.dialects.tensorflow_serving.batching import (
    MAX_BATCH_SIZE,
    MAX_ENQUEUED_BATCHES,
    read_batching,
)
from dragoman.config.writer import Writer

OWN_FILE: Final = "batching_params.pbtxt"
USUAL: Final = {"batching": {"max_size": MAX_BATCH_SIZE, "max_queue": MAX_BATCH_SIZE * MAX_ENQUEUED_BATCHES}}


def write_batching(writer: Writer) -> None:
    """`every_model.batching` and `threads`, or `batching` of each model.

    Errors: INVALID_ARGUMENT.
    """
    path, enabled = writer.line.text("batching_parameters_file"), writer.line.on("enable_batching")
    if path and not enabled:
        raise wrong("batching_parameters_file", "is given without --enable_batching")
    if not enabled:
        return
    settings: dict[str, Any] = USUAL
    if path:
        settings, notes = read_batching(writer.source.read(path), path)
        writer.notes += notes
    by_model = writer.line.on("enable_per_model_batching_parameters")
    for key, value in settings.items():
        if key != "batching" or not by_model:
            writer.set(f"every_model.{key}", value, path or "--enable_batching")
    if by_model:
        write_own_files(writer)


def write_own_files(writer: Writer) -> None:
    """Each model's own file, of its highest version that has one: the versions of a model batch alike."""
    for index, model in enumerate(writer.tree.get("models", [])):
        path = next(own_files(writer, model["path"]), None)
        if path is not None:
            settings, notes = read_batching(writer.source.read(path), path)
            model.update(settings)
            writer.origins |= {f"models[{index}].{key}": path for key in settings}
            writer.notes += notes


def own_files(writer: Writer, base_path: str) -> Iterator[str]:
    """The files of a model's versions, highest version first."""
    versions = [name for name in writer.source.names(base_path) if name.isdecimal()]
    for name in sorted(versions, key=int, reverse=True):
        folder = f"{base_path}/{name}"
        if OWN_FILE in writer.source.names(folder):
            yield f"{folder}/{OWN_FILE}"
