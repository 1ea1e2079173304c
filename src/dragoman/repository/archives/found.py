"""Archives that lie in a repository, as versions of models: which model each is, and which version."""

import os
from collections.abc import Container, Iterable, Mapping

from msgspec import Struct

from dragoman.core.names import is_model_name
from dragoman.repository.archives.heads import Head
from dragoman.repository.archives.names import SURE, archive_stem
from dragoman.repository.archives.versions import version_numbers


class FoundArchive(Struct, frozen=True):
    """An archive's place, and what it says of itself."""

    path: str
    head: Head

    @property
    def file(self) -> str:
        """The name of its file or folder."""
        return os.path.basename(self.path)

    @property
    def model(self) -> str:
        """The name in its manifest; where there is none that a model may have, the file's."""
        told = self.head.manifest.model.model_name
        return told if is_model_name(told) else archive_stem(self.file)

    @property
    def version(self) -> str:
        """What its version is called."""
        return self.head.manifest.model.model_version

    @property
    def is_other(self) -> bool:
        """Whether this may be an archive of other things."""
        return bool(self.head.problem) and not self.file.lower().endswith(SURE)


def by_model(
    found: Iterable[FoundArchive], taken: Container[str]
) -> tuple[Mapping[str, list[FoundArchive]], list[str]]:
    """The archives of each model, and a warning for each left out; `taken` = names that others have."""
    groups: dict[str, list[FoundArchive]] = {}
    notes = []
    for archive in found:
        if archive.is_other:
            notes.append(f"{archive.head.problem}; it is left out")
        elif archive.model in taken:
            notes.append(f"{archive.file} is left out: another file or folder is model {archive.model}")
        else:
            groups.setdefault(archive.model, []).append(archive)
    return groups, notes


class Numbered(Struct, frozen=True):
    """Archives of one model by their versions' numbers, and warnings."""

    archives: Mapping[int, FoundArchive]
    notes: tuple[str, ...] = ()


def numbered(found: Iterable[FoundArchive]) -> Numbered:
    """The versions that these archives of one model are. Of several of one version the first by name counts.

    One that cannot be read counts only where no other is there.
    """
    archives = sorted(found, key=lambda archive: archive.file)
    readable = [archive for archive in archives if not archive.head.problem]
    notes = []
    versions: dict[str, FoundArchive] = {}
    for archive in readable or archives[:1]:
        first = versions.setdefault(archive.version, archive)
        if first is not archive:
            notes.append(f"{archive.file} is left out: {first.file} is version {archive.version} already")
    for archive in archives:
        if archive.head.problem and archive not in versions.values():
            notes.append(f"{archive.head.problem}; it is left out")
    numbers = version_numbers(versions)
    return Numbered({numbers[name]: versions[name] for name in versions}, tuple(notes))
