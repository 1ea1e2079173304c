"""Pairs of another server's command line and the native settings that it means.

A case is a folder: `command.txt` with a word in each line, the files that it names, and where it counts
`environment.txt`; `native.yaml` is the translation, each note in a comment before it.

    python -m tests.config.pairs write     write native.yaml where a case has none
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from dragoman.assembly.builtin import DIALECTS
from dragoman.config.dialect import Dialect, Source, Translation
from dragoman.config.shown import document

FOLDER: Final = Path(__file__).parent


def cases() -> Iterator[tuple[Dialect, Path]]:
    """Every case with the dialect that it belongs to."""
    for dialect in DIALECTS:
        for command in sorted((FOLDER / dialect.name).glob("*/command.txt")):
            yield dialect, command.parent


def translation(dialect: Dialect, case: Path) -> Translation:
    """What the dialect makes of a case. Paths are looked up in its folder."""

    def inside(path: str) -> Path:
        return case / path.lstrip("/")

    def read(path: str) -> str:
        return inside(path).read_text(encoding="utf-8")

    def names(path: str) -> Sequence[str]:
        return sorted(entry.name for entry in inside(path).iterdir()) if inside(path).is_dir() else []

    environment = case / "environment.txt"
    lines = environment.read_text(encoding="utf-8").split() if environment.exists() else []
    pairs = (line.partition("=") for line in lines)
    arguments = (case / "command.txt").read_text(encoding="utf-8").split()
    return dialect.translate(Source(arguments, {name: value for name, _, value in pairs}, read, names))


def written(dialect: Dialect, case: Path) -> str:
    """The native settings of a case as a document."""
    made = translation(dialect, case)
    return document(made.tree, made.notes)


def main(arguments: Sequence[str]) -> int:
    """Write what is not there yet; the exit code."""
    if arguments != ["write"]:
        print(__doc__)
        return 2
    for dialect, case in cases():
        native = case / "native.yaml"
        if not native.exists():
            native.write_text(written(dialect, case), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
