"""The models of a server: where they come from, how they are loaded and watched."""

import os
from collections.abc import Mapping

from dragoman.engines.base import Engine
from dragoman.repository.configured import ConfiguredSource
from dragoman.repository.lifecycle import MakeRunner, WarmUp
from dragoman.repository.loader import ModelLoader
from dragoman.repository.manager import ModelManager, Observer, Rules
from dragoman.repository.retries import LoadRules
from dragoman.repository.stability import StabilityRules
from dragoman.repository.watcher import Watcher, file_events
from dragoman.settings.server import ServerSettings


def make_models(
    settings: ServerSettings,
    engines: Mapping[str, Engine],
    make_runner: MakeRunner,
    warm_up: WarmUp,
    observer: Observer,
) -> ModelManager:
    """A manager of the models that the settings name, with nothing loaded yet."""
    source = ConfiguredSource(settings.repositories, settings.models, settings.every_model, engines)
    loader = ModelLoader(engines)
    return ModelManager(
        source, loader, make_runner, observer=observer, warm_up=warm_up, rules=rules(settings)
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
    )


def make_watcher(settings: ServerSettings, models: ModelManager) -> Watcher | None:
    """What polls the models' places; None where the settings want no polling."""
    polling = settings.polling
    if not polling.poll_s:
        return None
    paths = [*settings.repositories, *(model.path for model in settings.models)]
    events = file_events([path for path in paths if os.path.exists(path)])
    return Watcher(models.poll, events, polling.poll_s, polling.settle_s)
