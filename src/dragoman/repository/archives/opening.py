"""From a model archive, packed or not, to a folder that an engine can load, and its end."""

import os
import shutil
from collections.abc import Callable
from typing import Final

import structlog
from msgspec import Struct

from dragoman.core.errors import invalid
from dragoman.engines.base import TreeSnapshot
from dragoman.repository.archives.folders import PrivateFolder
from dragoman.repository.archives.heads import folder_manifest
from dragoman.repository.archives.names import archives_among, is_archive
from dragoman.repository.archives.paths import place_of
from dragoman.repository.archives.unpacking import unpack
from dragoman.settings.archives import ArchiveSettings
from dragoman.settings.manifest import MANIFEST, Manifest
from dragoman.settings.model_config import ModelConfig, read_model_config
from dragoman.settings.yaml_document import MOST_BYTES

USUAL: Final = ArchiveSettings()


class Archive(Struct, frozen=True):
    """Where an archive lies: a file, or a folder with a manifest. `shown` is for messages.

    `is_lone`: it is taken for the model only because nothing else that lies beside it is one.
    """

    path: str
    shown: str
    is_lone: bool = False


class OpenedArchive(Struct, frozen=True):
    """An archive that can be loaded: its folder, and its own name and that of its version."""

    root: str
    file: str
    version_name: str
    close: Callable[[], None]


class Archives:
    """Opens archives. Several may be opened at a time, on any threads."""

    def __init__(self, settings: ArchiveSettings = USUAL) -> None:
        self._settings = settings
        self._folder = PrivateFolder(settings.folder)
        self._log = structlog.get_logger("dragoman.repository")

    def open(self, archive: Archive, model: str) -> OpenedArchive:
        """The archive as a folder, which is there until it is closed.

        Errors: those of `unpack`; INVALID_ARGUMENT with reason MANIFEST_MALFORMED, or naming file and line
        of a `model-config.yaml` that is none.
        """
        is_folder = os.path.isdir(archive.path)
        if is_folder:
            return self._opened(archive, archive.path, model, lambda: None)
        root = unpack(archive.path, archive.shown, self._folder.path(), self._settings)
        try:
            return self._opened(archive, root, model, lambda: self._remove(root, model))
        except BaseException:
            self._remove(root, model)
            raise

    def close(self) -> None:
        """Delete all that was unpacked, and is still there."""
        self._folder.close()

    def _opened(self, archive: Archive, root: str, model: str, close: Callable[[], None]) -> OpenedArchive:
        manifest = folder_manifest(root, archive.shown)
        self._config(archive, root, model, manifest)
        file = os.path.basename(archive.path)
        return OpenedArchive(root, file, manifest.model.model_version, close)

    def _config(self, archive: Archive, root: str, model: str, manifest: Manifest) -> ModelConfig:
        """What the archive's `model-config.yaml` says; what it says wrongly is logged."""
        name = manifest.model.config_file
        if not name:
            return ModelConfig()
        shown = f"{archive.shown}/{name}"
        try:
            with open(os.path.join(root, *place_of(name, archive.shown)), "rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError as error:
            why = (error.strerror or "unknown reason").lower()
            self._log.warning("model archive", model=model, note=f"{shown} cannot be read: {why}")
            return ModelConfig()
        try:
            found = read_model_config(data.decode("utf-8-sig"), shown)
        except UnicodeDecodeError as error:
            raise invalid(f"{shown}: the file is not UTF-8") from error
        for note in found.notes:
            self._log.warning("model archive", model=model, note=note)
        return found.config

    def _remove(self, root: str, model: str) -> None:
        """Delete a folder that nobody needs any more."""
        shutil.rmtree(root, onerror=lambda *_: None)
        if os.path.exists(root):
            self._log.warning("model archive", model=model, note=f"{root} cannot be deleted")


def archive_in(tree: TreeSnapshot, shown: str) -> Archive | None:
    """The archive that a version's place is or holds; None = there is none.

    Errors: INVALID_ARGUMENT where there are several.
    """
    if os.path.isfile(tree.root):
        return Archive(tree.root, shown) if is_archive(tree.root) else None
    if MANIFEST in tree.files:
        return Archive(tree.root, shown)
    found = archives_among(name for name in tree.files if "/" not in name)
    if len(found) > 1:
        raise invalid(f"{shown} holds several archives, and a version is one: {', '.join(found)}")
    return Archive(os.path.join(tree.root, found[0]), f"{shown}/{found[0]}", is_lone=True) if found else None
