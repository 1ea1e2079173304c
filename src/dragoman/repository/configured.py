"""Models by a list of names and places, beside whole repositories; settings laid over each model's own."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from dragoman.core.errors import DragomanError, Reason
from dragoman.core.status import Cause
from dragoman.engines.base import Engine
from dragoman.repository.source import Aspired, AspiredModel, FileSystemSource, without_live_settings
from dragoman.repository.versions import wanted_versions
from dragoman.settings.overlay import ModelOverlay, NamedModel

NOTHING: Final = ModelOverlay()


class ConfiguredSource:
    """The models of a list and of repositories. A model that is in the list hides one of its name."""

    def __init__(
        self,
        repositories: Sequence[str],
        models: Sequence[NamedModel],
        every_model: ModelOverlay,
        engines: Mapping[str, Engine],
    ) -> None:
        self._repositories = [FileSystemSource(path, engines) for path in repositories]
        self._models = [(model, FileSystemSource(model.path, engines)) for model in models]
        self._every_model = every_model

    def aspired(self) -> Aspired:
        """The models that are there now. One of the list whose place cannot be read is there with its cause.

        Errors: NOT_FOUND or PERMISSION_DENIED where a repository itself cannot be read.
        """
        models: dict[str, AspiredModel] = {}
        notes: list[str] = []
        for repository in self._repositories:
            found = repository.aspired()
            notes += found.notes
            for name, model in found.models.items():
                if name in models:
                    notes.append(f"{name} is left out of a later repository: an earlier one has it")
                else:
                    models[name] = self._overlaid(name, model, NOTHING)
        for named, source in self._models:
            models[named.name] = self._overlaid(named.name, one_model(named.name, source), named)
        return Aspired(models, tuple(notes))

    def _overlaid(self, name: str, model: AspiredModel, overlay: ModelOverlay) -> AspiredModel:
        settings = overlay.over(self._every_model.over(model.settings))
        to_load = without_live_settings(settings)
        candidates = tuple(replace(candidate, model=name, settings=to_load) for candidate in model.candidates)
        versions = {candidate.version for candidate in candidates}
        wanted, missing = wanted_versions(settings.versions, versions)
        _, missed = wanted_versions(model.settings.versions, versions)  # by the model's own choice
        notes = (*(note for note in model.notes if note not in missed), *missing)
        return replace(model, settings=settings, candidates=candidates, wanted=wanted, notes=notes)


def one_model(name: str, source: FileSystemSource) -> AspiredModel:
    """The model at a source's path; where it cannot be read, why."""
    try:
        return source.model(name)
    except DragomanError as error:
        return AspiredModel(cause=Cause(error.code, error.message, Reason.PLACE_UNREADABLE), complete=False)
