"""The sources of a server's models."""

import pytest
from msgspec import UNSET

from dragoman.assembly.models import ModelSources, make_watcher, placed
from dragoman.core.control import PlacedModel, ReplaceModels
from dragoman.core.errors import DragomanError
from dragoman.core.status import StatusReport
from dragoman.repository.configured import ConfiguredSource
from dragoman.repository.loader import ModelLoader
from dragoman.repository.manager import ModelManager
from dragoman.settings.model import VersionPolicy
from dragoman.settings.overlay import ModelOverlay, NamedModel
from dragoman.settings.pipeline import NodeLibrary, PipelineSettings
from dragoman.settings.server import ServerSettings


def test_a_model_of_a_list_keeps_what_the_settings_say_of_it_besides():
    known = NamedModel(name="m", path="/m", threads=3, labels={"old": 1}, trust="code")
    made = placed(known, PlacedModel("m", "/m", versions=(1,), labels={"new": 1}))
    assert (made.threads, made.labels, made.trust) == (3, {"new": 1}, "code")
    assert made.versions == VersionPolicy(specific=(1,))


def test_trust_in_code_does_not_move_to_another_place():
    known = NamedModel(name="m", path="/m", trust="code")
    assert placed(known, PlacedModel("m", "/elsewhere")).trust is UNSET


def test_a_list_is_the_whole_truth(tmp_path):
    settings = ServerSettings(repository=str(tmp_path), models=(NamedModel(name="old", path="/old"),))
    source = ModelSources(settings, {}).listed(ReplaceModels((PlacedModel("new", "/new"),)), StatusReport())
    assert list(source.aspired().models) == ["new"]


def test_a_list_leaves_the_pipelines_of_the_settings(tmp_path):
    pipeline = PipelineSettings(name="p", inputs=(), nodes=(), outputs={})
    settings = ServerSettings(repository=str(tmp_path), pipelines=(pipeline,))
    source = ModelSources(settings, {}).listed(ReplaceModels((PlacedModel("new", "/new"),)), StatusReport())
    assert list(source.aspired().models) == ["new", "p"]


def test_libraries_are_watched_as_models_are(tmp_path, monkeypatch):
    watched = []
    monkeypatch.setattr("dragoman.assembly.models.file_events", watched.append)
    (tmp_path / "l.py").touch()
    libraries = [NodeLibrary(name="l", path=str(tmp_path / "l.py")), NodeLibrary(name="m", path="/gone.py")]
    make_watcher(ServerSettings(node_libraries=tuple(libraries)), make_manager())
    assert watched == [[str(tmp_path / "l.py")]]


def make_manager():
    return ModelManager(ConfiguredSource((), (), ModelOverlay(), {}), ModelLoader({}), lambda *_: None)


def test_a_label_of_a_version_that_is_not_loaded_is_refused_where_the_settings_say_so():
    sources = ModelSources(ServerSettings(labels_before_load=False), {})
    request = ReplaceModels((PlacedModel("m", "/m", labels={"stable": 1}),))
    with pytest.raises(DragomanError, match="Request to assign label to version 1 of model m"):
        sources.listed(request, StatusReport())
    sources.settings = ServerSettings()
    assert list(sources.listed(request, StatusReport()).aspired().models) == ["m"]
