"""Which files are model archives, by their names."""

from collections.abc import Iterable
from typing import Final

SUFFIXES: Final = (".mar", ".tar.gz", ".tgz")
SURE: Final = ".mar"  # files of other suffixes may be anything


def is_archive(name: str) -> bool:
    """Whether a file of this name is taken for a model archive."""
    return name.lower().endswith(SUFFIXES)


def archive_stem(name: str) -> str:
    """The name without its suffix."""
    found = next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(found)]


def archives_among(names: Iterable[str]) -> list[str]:
    """Those of the names that are archives', sorted."""
    return sorted(name for name in names if is_archive(name))
