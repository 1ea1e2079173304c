"""Which models and versions there should be: a folder, read anew each time it is asked.

A path is one of three things:

1. A model file. The model is called after the file, or, where the file's name says nothing (`model.onnx`),
   after its folder; a folder named by a number is the version, and the folder above gives the name. A model
   archive, packed or not, says in its manifest what the model and its version are called.
2. One model's folder: it holds `model.yaml`, version folders, or a model file whose name says nothing. The
   model is called after the folder.
3. A repository: every folder in it is a model, and so is every file that an engine claims. Archives of one
   name in their manifests are versions of one model.

A model's folder holds version folders, named by numbers, or archives, or is itself version 1.
"""

import os
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Final, Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.names import is_model_name
from dragoman.core.override import Demands
from dragoman.core.status import Cause, version_names
from dragoman.engines.base import Engine, FileStat, TreeSnapshot
from dragoman.repository.archives.found import FoundArchive, by_model, numbered
from dragoman.repository.archives.heads import Heads
from dragoman.repository.archives.names import archives_among, is_archive
from dragoman.repository.external import ExternalPlace
from dragoman.repository.parts import Part
from dragoman.repository.sidecar import SIDECAR, Sidecar, Sidecars, Stamp
from dragoman.repository.tree import look, look_at_files
from dragoman.repository.versions import by_version, version_of, wanted_versions
from dragoman.settings.manifest import MANIFEST
from dragoman.settings.model import ModelSettings, VersionPolicy
from dragoman.settings.pipeline import NodeLibrary, PipelineSettings

SILENT_STEMS: Final = frozenset({"model", "saved_model"})  # file names that do not name a model
ONLY_VERSION: Final = 1  # of a model without version folders


class Candidate(Struct, frozen=True):
    """A version that can be loaded. `shown` is its place relative to the repository, for messages.

    `settings` are those that matter to a loaded version; `without_live_settings` has the others. A `pipeline`
    has no place: it is made of the libraries that are given here, and of `parts`, the models as they are now.
    `demands` None = the settings are the model's own; else a request brought some, and what it expects.
    `upload` = the folder with the files that it brought, where the model is made of those.
    `version_name` = what its own files call the version, where that is known before they are loaded.
    `external` = it has no place either, and lives in another server.
    `origin` = where a request said that it lies; empty = no request registered it.
    """

    model: str
    version: int
    path: str
    shown: str
    settings: ModelSettings
    cause: Cause | None = None  # why it cannot be loaded, where that is known already
    tree: TreeSnapshot | None = None  # what lies there, where somebody looked
    named: bool = False  # whether the path that is served is this very model, and not a repository of models
    pipeline: PipelineSettings | None = None
    libraries: tuple[NodeLibrary, ...] = ()
    parts: tuple[Part, ...] = ()
    demands: Demands | None = None
    upload: str = ""
    version_name: str | None = None
    origin: str = ""
    external: ExternalPlace | None = None

    @property
    def settings_shown(self) -> str:
        """Where the settings come from, for messages."""
        if self.external is not None:
            return self.model
        return f"{self.model}/{SIDECAR}" if self.demands is None else "config"

    def look(self) -> TreeSnapshot:
        """What lies there now; empty where it cannot be read."""
        if self.pipeline is not None:
            return look_at_files([library.path for library in self.libraries])
        if self.external is not None:
            return look_at_files([])
        return look(self.path)


class AspiredModel(Struct, frozen=True):
    """One model: the versions there are, and which of them are wanted.

    `complete` False: the folder or its `model.yaml` could not be read; versions that serve stay as they are.
    `held`: versions that are there and still being copied, as it seems. `first` = the version whose archive
    was named first, or comes first by its name; `default` = the one that is called where none is named,
    None = the highest that serves.
    """

    settings: ModelSettings = ModelSettings()
    candidates: tuple[Candidate, ...] = ()
    wanted: frozenset[int] = frozenset()
    cause: Cause | None = None
    notes: tuple[str, ...] = ()
    complete: bool = True
    held: tuple[int, ...] = ()
    stamp: Stamp | None = None  # of its `model.yaml`
    first: int | None = None
    default: int | None = None


class Aspired(Struct, frozen=True):
    """All that a source wants; what is left out is to be unloaded. `notes` are warnings."""

    models: Mapping[str, AspiredModel] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class VersionSource(Protocol):
    """Says which versions it wants, each time it is asked. Asking twice does no harm."""

    def aspired(self) -> Aspired:
        """What is wanted now.

        Errors: DragomanError where that cannot be found out; then everything stays as it is.
        """


class FileSystemSource:
    """A model file, a model's folder or a repository on disk. The engines say which files are models.

    With `beside` all the paths are archives, and those of one model are its versions.
    For one thread at a time.
    """

    def __init__(self, path: str, engines: Mapping[str, Engine], beside: Sequence[str] = ()) -> None:
        self._path = os.path.abspath(path)
        self._beside = [os.path.abspath(other) for other in beside]
        self._engines = engines
        self._sidecars = Sidecars()
        self._heads = Heads()

    def aspired(self) -> Aspired:
        """The models that the path holds now.

        Errors: NOT_FOUND or PERMISSION_DENIED where the path itself cannot be read.
        """
        self._sidecars, self._heads = Sidecars(self._sidecars), Heads(self._heads)
        shown = os.path.basename(self._path)
        if self._beside:
            groups, notes = by_model(self._all_found(), ())
            models = {name: named(self._archived(name, group)) for name, group in groups.items()}
            return Aspired(models, tuple(notes))
        if os.path.isfile(self._path):
            name, model = self._file(self._path, shown)
            return Aspired({name: named(model)})
        try:
            names = sorted(os.listdir(self._path))
        except OSError as error:
            raise unreadable(shown, error) from error
        if is_unpacked(self._path):
            name = self._found(self._path).model
            return Aspired({name: named(self._model(name, self._path))})
        if self._is_model_folder(names):
            return Aspired({shown: named(self._model(shown, self._path))})
        return self._repository(names)

    def model(self, name: str) -> AspiredModel:
        """The path as one model of that name, whatever the path itself says.

        Errors: NOT_FOUND where there is nothing.
        """
        self._sidecars, self._heads = Sidecars(self._sidecars), Heads(self._heads)
        if self._beside:
            return self._archived(name, self._all_found())
        if os.path.isfile(self._path):
            return self._file(self._path, os.path.basename(self._path))[1]
        if not os.path.exists(self._path):
            raise DragomanError(Code.NOT_FOUND, f"{name}: there is no such file or folder as its path names")
        return self._model(name, self._path)

    def _repository(self, names: list[str]) -> Aspired:
        models = {}
        notes = []
        archives = []
        for name in names:
            path = os.path.join(self._path, name)
            if name.startswith("."):
                continue
            if is_unpacked(path) or (is_archive(name) and os.path.isfile(path)):
                archives.append(self._found(path))
            elif os.path.isdir(path) and is_model_name(name):
                models[name] = self._model(name, path)
            elif os.path.isdir(path):
                notes.append(f"folder {name!r} is left out: that is not a name a model may have")
            elif not os.path.exists(path):
                notes.append(f"{name} is left out: it is a link that leads nowhere")
            elif self._is_model_file(name):
                stem, model = self._file(path, name)
                models.setdefault(stem, model)
        grouped, left_out = by_model(archives, models)
        models.update({name: self._archived(name, group) for name, group in grouped.items()})
        return Aspired(models, (*notes, *left_out))

    def _is_model_folder(self, names: list[str]) -> bool:
        return SIDECAR in names or any(
            (version_of(name) is not None and os.path.isdir(os.path.join(self._path, name)))
            or (stem_of(name) in SILENT_STEMS and self._is_model_file(name))
            for name in names
        )

    def _is_model_file(self, name: str) -> bool:
        return self._claims([name])

    def _claims(self, names: list[str]) -> bool:
        """Whether an engine takes files of these names for a model."""
        tree = TreeSnapshot(names[0], {name: FileStat(0, 0) for name in names})
        return any(engine.claim(tree, ModelSettings()) for engine in self._engines.values())

    def _found(self, path: str) -> FoundArchive:
        return FoundArchive(path, self._heads.read(path))

    def _all_found(self) -> list[FoundArchive]:
        return [self._found(path) for path in (self._path, *self._beside)]

    def _archived(
        self, name: str, archives: Sequence[FoundArchive], sidecar_folder: str | None = None
    ) -> AspiredModel:
        """The model that these archives are, each a version."""
        found = numbered(archives)
        paths = {number: archive.path for number, archive in found.archives.items()}
        shown = {number: archive.file for number, archive in found.archives.items()}
        model = self._assembled(name, paths, shown, sidecar_folder, found.notes)
        places = [archive.path for archive in archives]
        model = replace(
            model,
            first=min(paths, key=lambda number: places.index(paths[number]), default=None),
            candidates=tuple(
                with_name(one, found.archives[one.version].version, model.settings)
                for one in model.candidates
            ),
        )
        return replace(model, default=default_version(model.settings.versions, model))

    def _file(self, path: str, shown: str) -> tuple[str, AspiredModel]:
        if is_archive(shown):
            archive = self._found(path)
            return archive.model, self._archived(archive.model, [archive])
        folder = os.path.dirname(path)
        version = version_of(os.path.basename(folder)) if stem_of(shown) in SILENT_STEMS else None
        home = os.path.dirname(folder) if version is not None else folder
        silent = stem_of(shown) in SILENT_STEMS
        name = os.path.basename(home) if silent else stem_of(shown)
        if not is_model_name(name):
            name = stem_of(shown) or "model"
        number = ONLY_VERSION if version is None else version
        return name, self._assembled(name, {number: path}, {number: shown}, home if silent else None)

    def _model(self, name: str, folder: str) -> AspiredModel:
        try:
            with os.scandir(folder) as scanned:  # one call tells names and kinds
                entries = sorted(scanned, key=lambda entry: entry.name)
        except OSError as error:
            problem = unreadable(name, error)
            cause = Cause(problem.code, problem.message, Reason.PLACE_UNREADABLE)
            return AspiredModel(cause=cause, complete=False)
        if is_unpacked(folder):
            return self._archived(name, [self._found(folder)], folder)
        found, notes = by_version(entry.name for entry in entries if entry.is_symlink() or entry.is_dir())
        if found:
            paths = {number: os.path.join(folder, entry) for number, entry in found.items()}
            shown = {number: f"{name}/{entry}" for number, entry in found.items()}
            return self._assembled(name, paths, shown, folder, notes)
        files = [entry.name for entry in entries if os.path.isfile(entry.path)]
        archives = [os.path.join(folder, file) for file in archives_among(files)]
        if archives and not self._claims(files):
            return self._archived(name, [self._found(path) for path in archives], folder)
        if files and (SIDECAR in files or self._claims(files)):
            return self._assembled(name, {ONLY_VERSION: folder}, {ONLY_VERSION: name}, folder)
        message = f"{name} holds neither a version folder (named by a number) nor a model file"
        return AspiredModel(cause=Cause(Code.NOT_FOUND, message))

    def _assembled(
        self,
        name: str,
        paths: Mapping[int, str],
        shown: Mapping[int, str],
        sidecar_folder: str | None,
        notes: Iterable[str] = (),
    ) -> AspiredModel:
        sidecar = Sidecar() if sidecar_folder is None else self._sidecars.read(sidecar_folder, name)
        settings, cause = sidecar.settings, sidecar.cause
        to_load = without_live_settings(settings)
        candidates = tuple(
            Candidate(name, number, paths[number], shown[number], to_load, cause) for number in sorted(paths)
        )
        wanted, missing = wanted_versions(settings.versions, paths)
        all_notes = (*notes, *missing)
        return AspiredModel(
            settings, candidates, wanted, cause, all_notes, complete=cause is None, stamp=sidecar.stamp
        )


def with_settings(model: AspiredModel, name: str, settings: ModelSettings) -> AspiredModel:
    """The model under that name, with these settings in place of its own."""
    candidates = tuple(
        replace(candidate, model=name, settings=settings_of(candidate, settings))
        for candidate in model.candidates
    )
    versions = {candidate.version for candidate in candidates}
    wanted, missing = wanted_versions(settings.versions, versions)
    _, missed = wanted_versions(model.settings.versions, versions)  # by the model's own choice
    notes = (*(note for note in model.notes if note not in missed), *missing)
    made = replace(model, settings=settings, candidates=candidates, wanted=wanted, notes=notes)
    return replace(made, default=default_version(settings.versions, made))


def default_version(policy: VersionPolicy, model: AspiredModel) -> int | None:
    """The version that is called where none is named; None = the highest that serves."""
    for one in model.candidates:
        if policy.default and policy.default in version_names(one.version, one.version_name):
            return one.version
    return model.first if policy.first else None


def with_name(candidate: Candidate, name: str, settings: ModelSettings) -> Candidate:
    """A version that its own files call so, with what the settings say of just that one."""
    named = replace(candidate, version_name=name)
    return replace(named, settings=settings_of(named, settings))


def settings_of(candidate: Candidate, settings: ModelSettings) -> ModelSettings:
    """The settings that one version is loaded with."""
    own = settings.version_handlers
    for name in version_names(candidate.version, candidate.version_name):
        if name in own:
            settings = replace(settings, handler=own[name])
    return without_live_settings(settings)


def without_live_settings(settings: ModelSettings) -> ModelSettings:
    """The settings without those that take effect while a version is loaded."""
    usual = ModelSettings()
    return replace(
        settings,
        versions=usual.versions,
        labels=usual.labels,
        version_transition=usual.version_transition,
        version_handlers={},
    )


def with_files(aspired: Aspired, versions: Mapping[str, Set[int]]) -> Aspired:
    """The same with the files of these versions of models, so that changes in place are seen."""
    models = dict(aspired.models)
    for name in versions.keys() & models.keys():
        looked_at = versions[name]
        candidates = tuple(
            replace(candidate, tree=candidate.look()) if candidate.version in looked_at else candidate
            for candidate in models[name].candidates
        )
        models[name] = replace(models[name], candidates=candidates)
    return replace(aspired, models=models)


def stem_of(file: str) -> str:
    """A file's name without its last suffix."""
    return os.path.splitext(file)[0]


def unreadable(shown: str, error: OSError) -> DragomanError:
    """The error for a folder that cannot be read."""
    if isinstance(error, FileNotFoundError):
        return DragomanError(Code.NOT_FOUND, f"{shown}: there is no such file or folder")
    reason = (error.strerror or "unknown reason").lower()
    return DragomanError(Code.PERMISSION_DENIED, f"{shown} cannot be read: {reason}")


def is_unpacked(folder: str) -> bool:
    """Whether a folder is a model archive that was not packed."""
    return os.path.isfile(os.path.join(folder, *MANIFEST.split("/")))


def named(model: AspiredModel) -> AspiredModel:
    """The model, marked as the one that somebody named to be served."""
    return replace(model, candidates=tuple(replace(one, named=True) for one in model.candidates))
