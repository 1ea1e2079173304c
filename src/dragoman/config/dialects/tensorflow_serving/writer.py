"""Native settings while they are being written: the tree, where each value comes from, the notes."""

from typing import Any

from dragoman.config.dialect import Note, Source
from dragoman.config.dialects.tensorflow_serving.command_line import CommandLine


class Writer:
    """What the parts of the translation write to, and the command line that they read."""

    def __init__(self, source: Source, line: CommandLine) -> None:
        self.source = source
        self.line = line
        self.tree: dict[str, Any] = {}
        self.origins: dict[str, str] = {"": "--as tfserving"}
        self.notes: list[Note] = []

    def set(self, key: str, value: Any, origin: str) -> None:
        """A setting by its dotted key."""
        *sections, last = key.split(".")
        place = self.tree
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
        self.origins[key] = origin

    @property
    def names_models(self) -> bool:
        """Whether flags name the models; else the Docker image's environment does, or a PATH."""
        return bool(self.line.text("model_config_file") or self.line.text("model_base_path"))
