"""From a model archive, packed or not, to a folder that an engine can load, and its end."""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from msgspec import Struct

from dragoman.core.errors import invalid
from dragoman.engines.base import PythonEnvironment, TreeSnapshot
from dragoman.repository.archives.folders import PrivateFolder
from dragoman.repository.archives.heads import folder_manifest
from dragoman.repository.archives.names import archives_among, is_archive
from dragoman.repository.archives.paths import place_of
from dragoman.repository.archives.requirements import Installer
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
    """An archive that can be loaded: its folder, its own name and that of its version, and its Python."""

    root: str
    file: str
    version_name: str
    python: PythonEnvironment
    close: Callable[[], None]


class Contents(Struct, frozen=True):
    """What lies in the folder of an archive, of which model; `shown` is for messages."""

    root: str
    shown: str
    model: str
    manifest: Manifest

    def path(self, name: str) -> str:
        """Where a file lies that the manifest names.

        Errors: INVALID_ARGUMENT for a name that leads elsewhere.
        """
        return os.path.join(self.root, *place_of(name, self.shown))


class Archives:
    """Opens archives. Several may be opened at a time, on any threads."""

    def __init__(self, settings: ArchiveSettings = USUAL) -> None:
        self._settings = settings
        self._folder = PrivateFolder(settings.folder)
        self._installer = Installer(settings.install_timeout_s)
        self._log = structlog.get_logger("dragoman.repository")

    def open(self, archive: Archive, model: str) -> OpenedArchive:
        """The archive as a folder, which is there until it is closed.

        Errors: those of `unpack` and of `Installer`; INVALID_ARGUMENT with reason MANIFEST_MALFORMED, or
        naming file and line of a `model-config.yaml` that is none.
        """
        made: list[str] = []  # folders that go when the archive is closed
        try:
            root = self._unpacked(archive, made)
            contents = Contents(root, archive.shown, model, folder_manifest(root, archive.shown))
            python = self._python(contents, self._config(contents), made)
        except BaseException:
            self._remove(made, model)
            raise
        version = contents.manifest.model.model_version
        file = os.path.basename(archive.path)
        return OpenedArchive(root, file, version, python, lambda: self._remove(made, model))

    def close(self) -> None:
        """Delete all that was made and is still there. Nothing is installed any more."""
        self._installer.close()
        self._folder.close()

    def _unpacked(self, archive: Archive, made: list[str]) -> str:
        if os.path.isdir(archive.path):
            return archive.path
        made.append(unpack(archive.path, archive.shown, self._folder.path(), self._settings))
        return made[-1]

    def _config(self, contents: Contents) -> ModelConfig:
        """What the archive's `model-config.yaml` says; what it says wrongly is logged."""
        name = contents.manifest.model.config_file
        if not name:
            return ModelConfig()
        shown = f"{contents.shown}/{name}"
        try:
            with open(contents.path(name), "rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError as error:
            self._warn(contents, f"{shown} cannot be read: {(error.strerror or 'unknown reason').lower()}")
            return ModelConfig()
        try:
            found = read_model_config(data.decode("utf-8-sig"), shown)
        except UnicodeDecodeError as error:
            raise invalid(f"{shown}: the file is not UTF-8") from error
        for note in found.notes:
            self._warn(contents, note)
        return found.config

    def _python(self, contents: Contents, config: ModelConfig, made: list[str]) -> PythonEnvironment:
        """The packages that the archive lists, where they may be installed."""
        name = contents.manifest.model.requirements_file
        if not name:
            return PythonEnvironment()
        shown = f"{contents.shown}/{name}"
        if not self._settings.install_requirements:
            self._warn(contents, f"{shown} is not installed: archives.install_requirements is off")
            return PythonEnvironment()
        requirements = contents.path(name)
        if not os.path.isfile(requirements):
            raise invalid(f"{shown} is not there, and the manifest names it")
        made.append(tempfile.mkdtemp(prefix="python-", dir=self._folder.path()))
        install = self._installer.to_venv if config.use_venv else self._installer.to_folder
        return install(requirements, contents.root, made[-1], contents.model)

    def _remove(self, folders: Sequence[str], model: str) -> None:
        """Delete folders that nobody needs any more."""
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
            if os.path.exists(folder):
                self._log.warning("model archive", model=model, note=f"{folder} cannot be deleted")

    def _warn(self, contents: Contents, note: str) -> None:
        self._log.warning("model archive", model=contents.model, note=note)


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
