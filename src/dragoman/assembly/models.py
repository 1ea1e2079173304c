"""The models of a server: where they come from, how they are loaded and watched."""

import os
from collections.abc import Mapping

from msgspec import UNSET
from msgspec.structs import replace

from dragoman.core.control import PlacedModel, ReplaceModels
from dragoman.core.status import StatusReport
from dragoman.engines.base import Engine
from dragoman.repository.arrivals import Arrivals
from dragoman.repository.brought import Brought
from dragoman.repository.configured import ConfiguredSource, Pipelines
from dragoman.repository.labels import check_labels
from dragoman.repository.lifecycle import MakeRunner, WarmUp
from dragoman.repository.loader import ModelLoader
from dragoman.repository.manager import ModelManager, Rules
from dragoman.repository.retries import LoadRules
from dragoman.repository.source import AspiredModel, FileSystemSource, with_settings
from dragoman.repository.stability import StabilityRules
from dragoman.repository.table import Observer
from dragoman.repository.watcher import Watcher, file_events
from dragoman.settings.model import ModelSettings, VersionPolicy
from dragoman.settings.overlay import NamedModel
from dragoman.settings.server import ServerSettings


class ModelSources:
    """What serves the models that the settings name, as they are now. `settings` is replaced at a reload."""

    def __init__(self, settings: ServerSettings, engines: Mapping[str, Engine]) -> None:
        self.settings = settings
        self._engines = engines
        self.arrivals = Arrivals(settings.registration, self._every_model, settings.archives.folder)

    def _every_model(self) -> ModelSettings:
        return self.settings.every_model.over(ModelSettings())

    def configured(self, settings: ServerSettings) -> ConfiguredSource:
        """The models that these settings name."""
        return configured_source(settings, self._engines)

    def uploaded(self, name: str, folder: str) -> AspiredModel:
        """The model that the files of a request are, with what the settings say of every model but trust."""
        found = FileSystemSource(folder, self._engines).model(name)
        settings = replace(self.settings.every_model.over(found.settings), trust="data")
        return with_settings(found, name, settings)

    def listed(self, request: ReplaceModels, report: StatusReport) -> ConfiguredSource:
        """The models of a list and no others, and the pipelines of the settings.

        What else the settings say of a model of that name stays.

        Errors: FAILED_PRECONDITION for a label that may not be given.
        """
        settings = self.settings
        wanted = {model.name: model.labels for model in request.models}
        check_labels(wanted, report, before_load=settings.labels_before_load)
        known = {model.name: model for model in settings.models}
        models = tuple(placed(known.get(model.name), model) for model in request.models)
        return self.configured(replace(settings, repository=(), models=models))


def configured_source(settings: ServerSettings, engines: Mapping[str, Engine]) -> ConfiguredSource:
    """What serves the models and pipelines that these settings name."""
    return ConfiguredSource(
        settings.repositories,
        settings.models,
        settings.every_model,
        engines,
        Pipelines(settings.pipelines, settings.node_libraries),
        settings.external,
    )


def make_models(
    settings: ServerSettings,
    sources: ModelSources,
    loader: ModelLoader,
    make_runner: MakeRunner,
    warm_up: WarmUp,
    observer: Observer,
) -> ModelManager:
    """A manager of the models that the settings name, with nothing loaded yet."""
    return ModelManager(
        sources.configured(settings),
        loader,
        make_runner,
        observer=observer,
        warm_up=warm_up,
        brought=Brought(
            sources.listed,
            sources.uploaded,
            registers=settings.registration.enabled,
            registered=sources.arrivals.take,
            discard=sources.arrivals.discard,
        ),
        rules=rules(settings),
    )


def placed(known: NamedModel | None, model: PlacedModel) -> NamedModel:
    """A model of a list as settings."""
    versions = VersionPolicy(latest=model.latest, all=model.all_versions, specific=model.versions)
    base = known or NamedModel(name=model.name, path=model.path)
    # Whoever trusted the code at one place did not trust it at another.
    trust = base.trust if base.path == model.path else UNSET
    return replace(
        base, path=model.path, external=UNSET, versions=versions, labels=dict(model.labels), trust=trust
    )


def rules(settings: ServerSettings) -> Rules:
    """The repository's rules as the settings have them."""
    loading, polling = settings.loading, settings.polling
    return Rules(
        LoadRules(
            at_once=loading.at_once,
            retries=loading.retries,
            first_s=loading.first_pause_s,
            factor=loading.pause_factor,
        ),
        StabilityRules(settle_s=polling.settle_s, marker=polling.marker or None),
        strict=loading.strict_readiness,
    )


def make_watcher(settings: ServerSettings, models: ModelManager) -> Watcher | None:
    """What polls the models' places; None where the settings want no polling."""
    polling = settings.polling
    if not polling.poll_s:
        return None
    paths = [
        *settings.repositories,
        *(path for model in settings.models for path in model.paths),
        *(library.path for library in settings.node_libraries),
    ]
    events = file_events([path for path in paths if os.path.exists(path)])
    return Watcher(models.poll, events, polling.poll_s, polling.settle_s)
