"""Models by a list of names and places, beside whole repositories; settings laid over each model's own."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import UNSET, Struct
from msgspec.structs import replace

from dragoman.core.errors import DragomanError, Reason
from dragoman.core.status import Cause
from dragoman.engines.base import Engine
from dragoman.repository.archives.names import is_archive
from dragoman.repository.external import ExternalPlace
from dragoman.repository.source import (
    ONLY_VERSION,
    Aspired,
    AspiredModel,
    Candidate,
    FileSystemSource,
    is_unpacked,
    with_settings,
)
from dragoman.settings.external import ExternalRules
from dragoman.settings.model import ModelSettings
from dragoman.settings.overlay import ModelOverlay, NamedModel
from dragoman.settings.pipeline import NodeLibrary, PipelineSettings

NOTHING: Final = ModelOverlay()
NO_SERVERS: Final = ExternalRules()
NAME_TAKEN: Final = "Pipeline has the same name as model"  # in OpenVINO Model Server's words


class Pipelines(Struct, frozen=True):
    """The pipelines there are to be, and the libraries that their nodes may call."""

    graphs: tuple[PipelineSettings, ...] = ()
    libraries: tuple[NodeLibrary, ...] = ()


NO_PIPELINES: Final = Pipelines()


class ConfiguredSource:
    """The models of a list and of repositories, and pipelines. A model of the list hides one of its name.

    A pipeline hides none, and is left out where its name is taken.
    """

    def __init__(
        self,
        repositories: Sequence[str],
        models: Sequence[NamedModel],
        every_model: ModelOverlay,
        engines: Mapping[str, Engine],
        pipelines: Pipelines = NO_PIPELINES,
        external: ExternalRules = NO_SERVERS,
    ) -> None:
        self._repositories = [FileSystemSource(path, engines, rest) for path, *rest in divided(repositories)]
        self._models = [
            (model, FileSystemSource(model.paths[0], engines, model.paths[1:]))
            for model in models
            if model.server is None
        ]
        self._external = {
            model.name: (model, external_model(model.name, ExternalPlace(model.server, external)))
            for model in models
            if model.server is not None
        }
        self._every_model = every_model
        trusted = every_model.trust == "code"
        libraries = [replace(one, trust="code") if trusted else one for one in pipelines.libraries]
        self._pipelines = {graph.name: pipeline(graph, libraries) for graph in reversed(pipelines.graphs)}

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
        # What is said of every model's engine is said of those that have one here.
        every_model = replace(self._every_model, engine=UNSET, options=UNSET)
        for name, (named, external) in self._external.items():
            models[name] = with_settings(external, name, named.over(every_model.over(external.settings)))
        for name, made in self._pipelines.items():
            taken = models.get(name)
            models[name] = made if taken is None else replace(taken, notes=(*taken.notes, NAME_TAKEN))
        return Aspired(models, tuple(notes))

    def _overlaid(self, name: str, model: AspiredModel, overlay: ModelOverlay) -> AspiredModel:
        return with_settings(model, name, overlay.over(self._every_model.over(model.settings)))


def divided(repositories: Sequence[str]) -> list[list[str]]:
    """The places of each source: all archives are one source, which joins the versions of a model."""
    archives = [path for path in repositories if is_archive(path) or is_unpacked(path)]
    others = [[path] for path in repositories if path not in archives]
    return [*others, archives] if archives else others


def one_model(name: str, source: FileSystemSource) -> AspiredModel:
    """The model at a source's path; where it cannot be read, why."""
    try:
        return source.model(name)
    except DragomanError as error:
        return AspiredModel(cause=Cause(error.code, error.message, Reason.PLACE_UNREADABLE), complete=False)


def external_model(name: str, place: ExternalPlace) -> AspiredModel:
    """A model of another server, whose version is 1."""
    candidate = Candidate(name, ONLY_VERSION, "", name, ModelSettings(), external=place)
    return AspiredModel(candidates=(candidate,), wanted=frozenset({ONLY_VERSION}))


def pipeline(graph: PipelineSettings, libraries: Sequence[NodeLibrary]) -> AspiredModel:
    """A pipeline as a model."""
    called = {node.library for node in graph.nodes}
    candidate = Candidate(
        graph.name,
        ONLY_VERSION,
        path="",
        shown=graph.name,
        settings=ModelSettings(),
        pipeline=graph,
        libraries=tuple(library for library in libraries if library.name in called),
    )
    notes = tuple(f"inputs: {name} goes nowhere, and is none" for name in graph.unused_inputs)
    return AspiredModel(candidates=(candidate,), wanted=frozenset({ONLY_VERSION}), notes=notes)
