"""Native settings while a dialect writes them: the tree, where each value comes from, the notes."""

from typing import Any

from dragoman.config.command_line import CommandLine
from dragoman.config.dialect import Note, Source


class Writer:
    """What the parts of a translation write to, and the command line that they read."""

    def __init__(self, source: Source, line: CommandLine, dialect: str) -> None:
        self.source = source
        self.line = line
        self.tree: dict[str, Any] = {}
        self.origins: dict[str, str] = {"": f"--as {dialect}"}
        self.notes: list[Note] = []

    def set(self, key: str, value: Any, origin: str) -> None:
        """A setting by its dotted key."""
        *sections, last = key.split(".")
        place = self.tree
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
        self.origins[key] = origin
