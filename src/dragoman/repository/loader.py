"""From a version's files to a loaded model: choose the engine, load, merge the declared signatures.

A pipeline has no files to load, and is put together of models that are loaded.
"""

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

import structlog
from msgspec import Struct

from dragoman.core.configuration import ModelConfiguration
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.signatures import Signature
from dragoman.core.statistics import VersionStatistics
from dragoman.engines.base import (
    Artifact,
    Claim,
    Engine,
    GivesWayError,
    LoadedModel,
    Progress,
    PythonEnvironment,
    TreeSnapshot,
    Trust,
)
from dragoman.repository.archives.opening import Archives, OpenedArchive, archive_in
from dragoman.repository.configuration import configuration
from dragoman.repository.declared import merged_signatures
from dragoman.repository.demands import check_choices, narrowed_signatures
from dragoman.repository.external import ExternalPlace, reach
from dragoman.repository.handle import Runner, nothing
from dragoman.repository.source import Candidate, unreadable
from dragoman.repository.tensor_names import renamed_signatures
from dragoman.repository.tree import scan
from dragoman.repository.trust import check_archive_trust, check_trust, check_upload
from dragoman.settings.model import ModelSettings

SILENT: Final = Progress()
NO_OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {}
T = TypeVar("T")


class LoadedVersion(Struct, frozen=True):
    """A model in memory, the name of its engine, and the signatures and configuration that callers see.

    `name` = what its own files call the version; `discard` takes away what was made for it alone.
    """

    engine: str
    model: LoadedModel
    signatures: Mapping[str, Signature]
    configuration: ModelConfiguration = ModelConfiguration()
    name: str | None = None
    discard: Callable[[], None] = nothing

    def close(self) -> None:
        """Close a model that was not run."""
        try:
            self.model.close()
        finally:
            self.discard()


class Composed(Struct, frozen=True):
    """A pipeline that is put together: the signatures that callers see, and what runs its calls."""

    signatures: Mapping[str, Signature]
    runner: Runner


# Errors: DragomanError naming the rule that is broken. Called on threads.
Compose = Callable[[Candidate], Composed]


def no_pipelines(candidate: Candidate) -> Composed:
    """What puts pipelines together where there are none."""
    raise DragomanError(Code.UNIMPLEMENTED, "this server runs no pipelines")


MakeStatistics = Callable[[Candidate], VersionStatistics]


def plain_statistics(_: Candidate) -> VersionStatistics:
    """Counters that nobody else looks at."""
    return VersionStatistics()


# What explains the answers of a version with these signatures; None = nothing does.
# Errors: DragomanError naming the setting that is wrong.
MakeExplainer = Callable[[Candidate, Mapping[str, Signature]], Runner | None]


def no_explainer(_: Candidate, __: Mapping[str, Signature]) -> Runner | None:
    """The explainer where nothing explains anything."""
    return None


class ModelLoader:
    """Loads candidates with the engines it is given. Called on threads; keeps no state.

    `options` are those of every model of an engine, by the engine's name; a model's own win. `statistics`
    gives the counters of a version that is loaded, `explainer` what explains its answers.
    """

    def __init__(
        self,
        engines: Mapping[str, Engine],
        options: Mapping[str, Mapping[str, Any]] = NO_OPTIONS,
        compose: Compose = no_pipelines,
        archives: Archives | None = None,
        statistics: MakeStatistics = plain_statistics,
        explainer: MakeExplainer = no_explainer,
        external: Engine | None = None,
    ) -> None:
        self._archives = archives or Archives()
        self._engines = engines
        self._options = options
        self._compose = compose
        self._external = external
        self.statistics = statistics
        self.explainer = explainer

    def load(self, candidate: Candidate, progress: Progress = SILENT) -> LoadedVersion:
        """The version, ready to be run.

        Errors: DragomanError only, with a message that names folders relative to the repository.
        """
        return guarded(partial(self._load, progress), candidate)

    def compose(self, candidate: Candidate) -> Composed:
        """The pipeline, ready to be run.

        Errors: DragomanError only.
        """
        return guarded(self._compose, candidate)

    def required(self, candidate: Candidate, tree: TreeSnapshot) -> tuple[str, ...]:
        """The files that the engine needs which claims these; none where no engine does."""
        try:
            return self._claims(tree, candidate)[0][1].required
        except DragomanError:
            return ()

    def _load(self, progress: Progress, candidate: Candidate) -> LoadedVersion:
        if candidate.cause is not None:
            raise DragomanError(candidate.cause.code, candidate.cause.message)
        if candidate.external is not None:
            return self._load_external(candidate, candidate.external)
        tree = scan(candidate.path)
        archive = archive_in(tree, candidate.shown)
        if archive is None or (archive.is_lone and self._is_claimed(tree, candidate)):
            return self._load_files(tree, candidate, progress)
        check_archive_trust(
            candidate.settings,
            candidate.model,
            trusted=candidate.named,
            uploaded=bool(candidate.upload),
        )
        opened = self._archives.open(archive, candidate.model)
        try:
            return self._load_files(scan(opened.root), candidate, progress, opened)
        except BaseException:
            opened.close()
            raise

    def _load_external(self, candidate: Candidate, place: ExternalPlace) -> LoadedVersion:
        """A model that lives in another server."""
        engine, settings = self._external, candidate.settings
        if engine is None or settings.engine not in (None, engine.name):
            raise invalid(f"{candidate.model}: engine: a model of another server has none of its own")
        try:
            artifact = Artifact("", candidate.model, candidate.version, settings, reach=reach(place))
            model = engine.load(artifact, settings.options)
        except DragomanError as error:
            raise told_of(candidate, error) from (error.__cause__ or error)
        try:
            signatures = merged_signatures(model.signatures, settings)
        except DragomanError as error:
            model.close()
            raise told_of(candidate, error) from (error.__cause__ or error)
        return LoadedVersion(engine.name, model, signatures, configuration(settings, "", {}))

    def _is_claimed(self, tree: TreeSnapshot, candidate: Candidate) -> bool:
        try:
            self._claims(tree, candidate)
        except DragomanError as error:
            if error.code is not Code.NOT_FOUND:
                raise
            return False
        return True

    def _load_files(
        self,
        tree: TreeSnapshot,
        candidate: Candidate,
        progress: Progress,
        opened: OpenedArchive | None = None,
    ) -> LoadedVersion:
        """The version with the first engine of those that claim it which does not give way to the next."""
        *others, last = self._claims(tree, candidate)
        for engine, claim in others:
            try:
                return self._load_with(engine, claim, tree, candidate, progress, opened)
            except GivesWayError as error:
                structlog.get_logger("dragoman.repository").warning(
                    "an engine gave way to the next",
                    model=candidate.model,
                    engine=engine.name,
                    why=error.message,
                )
        return self._load_with(*last, tree, candidate, progress, opened)

    def _load_with(
        self,
        engine: Engine,
        claim: Claim,
        tree: TreeSnapshot,
        candidate: Candidate,
        progress: Progress,
        opened: OpenedArchive | None,
    ) -> LoadedVersion:
        for name in claim.required:
            if name not in tree.files:
                raise DragomanError(Code.NOT_FOUND, f"{candidate.shown}/{name} is missing")
        if candidate.upload:
            check_upload(engine, candidate.model)
        check_trust(engine, candidate.settings, candidate.model, trusted=candidate.named)
        file = claim.entry if opened is None else opened.file
        if candidate.demands is not None:
            check_choices(candidate.demands, file, engine)
        below = os.path.normpath(os.path.join(tree.root, claim.entry))
        path = tree.root if os.path.isfile(tree.root) else below
        python = PythonEnvironment() if opened is None else opened.python
        artifact = Artifact(path, candidate.model, candidate.version, candidate.settings, python)
        options = self._engine_options(engine.name, candidate.settings)
        model = engine.load_telling(artifact, options, progress)
        try:
            native = model.signatures
            if (names := candidate.settings.tensor_names) != engine.tensor_names:
                native = renamed_signatures(native, tree.root, names)
            signatures = merged_signatures(native, candidate.settings)
            if candidate.demands is not None:
                signatures = narrowed_signatures(signatures, candidate.demands)
        except DragomanError as error:
            model.close()
            raise DragomanError(error.code, f"{candidate.settings_shown}: {error.message}") from error
        # What is given to code may be a secret; an engine of ours knows none.
        seen = candidate.settings.options if engine.trust is Trust.DATA_ONLY else {}
        told = configuration(candidate.settings, file, seen)
        if opened is None:
            return LoadedVersion(engine.name, model, signatures, told)
        return LoadedVersion(engine.name, model, signatures, told, opened.version_name, opened.close)

    def _engine_options(self, engine: str, settings: ModelSettings) -> Mapping[str, Any]:
        """The server's for all models of the engine, the model's for this engine, and the model's own."""
        return {
            **self._options.get(engine, {}),
            **settings.engine_options.get(engine, {}),
            **settings.options,
        }

    def _claims(self, tree: TreeSnapshot, candidate: Candidate) -> list[tuple[Engine, Claim]]:
        """The engine that `model.yaml` names, else those that claim the files and have all they need.

        Where none of those has, the first alone, which then says what to install.
        """
        settings = candidate.settings
        named = settings.engine
        if named is not None and named not in self._engines:
            raise invalid(
                f"{candidate.settings_shown}: engine: there is no engine {named!r}; "
                f"there is {', '.join(self._engines)}"
            )
        asked = list(self._engines.values()) if named is None else [self._engines[named]]
        claims = [(engine, claim) for engine in asked if (claim := engine.claim(tree, settings)) is not None]
        if claims:
            options = self._engine_options
            ready = [
                (engine, claim)
                for engine, claim in claims
                if engine.is_ready(claim, options(engine.name, settings))
            ]
            return ready or claims[:1]
        wanted = "; ".join(f"the engine {engine.name} looks for {engine.looks_for}" for engine in asked)
        holds = "holds no model" if tree.files else "is empty"
        raise DragomanError(Code.NOT_FOUND, f"{candidate.shown} {holds}: {wanted}")


def told_of(candidate: Candidate, error: DragomanError) -> DragomanError:
    """The error with the model's name before it, where that does not stand in it."""
    if f"model {candidate.model}" in error.message:
        return error
    return DragomanError(error.code, f"{candidate.settings_shown}: {error.message}", reason=error.reason)


def guarded(load: Callable[[Candidate], T], candidate: Candidate) -> T:
    """What loading gives.

    Errors: DragomanError only; the text of any other goes to the log.
    """
    try:
        return load(candidate)
    except DragomanError:
        raise
    except OSError as error:
        raise unreadable(candidate.shown, error) from error
    except Exception as error:
        structlog.get_logger("dragoman.repository").exception("load failed", model=candidate.model)
        raise DragomanError(
            Code.INTERNAL, f"{candidate.shown} does not load; the server's log tells more"
        ) from error
