"""Models by a list of names and places, beside whole repositories."""

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.repository.configured import ConfiguredSource
from dragoman.settings.model import BatchingSettings, VersionPolicy
from dragoman.settings.overlay import ModelOverlay, NamedModel
from tests.unit.repository.stage import ToyEngine, write


def aspired(repositories=(), models=(), every_model=None):
    engines = {"toy": ToyEngine()}
    return ConfiguredSource(
        [str(path) for path in repositories], models, every_model or ModelOverlay(), engines
    ).aspired()


def test_a_model_has_its_name_from_the_list_and_its_versions_from_its_place(tmp_path):
    write(tmp_path / "half" / "1")
    write(tmp_path / "half" / "2")
    model = aspired(models=[NamedModel(name="other", path=str(tmp_path / "half"))]).models["other"]
    assert [(c.model, c.version) for c in model.candidates] == [("other", 1), ("other", 2)]
    assert model.wanted == {2}


def test_a_file_may_be_a_model(tmp_path):
    write(tmp_path / "half" / "3")
    path = str(tmp_path / "half" / "3" / "model.toy")
    model = aspired(models=[NamedModel(name="other", path=path)]).models["other"]
    assert [(c.model, c.path) for c in model.candidates] == [("other", path)]


def test_keys_of_the_list_win_over_those_of_all_models_and_these_over_the_models_own(tmp_path):
    write(tmp_path / "half" / "1")
    write(tmp_path / "half" / "2")
    (tmp_path / "half" / "model.yaml").write_text("threads: 1\nmax_queue: 1\nversions: [2]\nclasses: [a]")
    named = NamedModel(name="m", path=str(tmp_path / "half"), versions=VersionPolicy(all=True), threads=3)
    model = aspired(models=[named], every_model=ModelOverlay(threads=2, max_queue=2)).models["m"]
    settings = model.settings
    assert (settings.threads, settings.max_queue, settings.classes) == (3, 2, ["a"])
    assert model.wanted == {1, 2}
    assert all(candidate.settings.threads == 3 for candidate in model.candidates)


def test_what_is_said_of_every_model_counts_in_repositories_too(tmp_path):
    write(tmp_path / "half" / "1")
    batching = BatchingSettings(max_size=4)
    models = aspired([tmp_path], every_model=ModelOverlay(batching=batching)).models
    assert models["half"].candidates[0].settings.batching == batching


def test_labels_and_the_choice_of_versions_do_not_change_what_a_version_is_loaded_with(tmp_path):
    write(tmp_path / "half" / "1")
    path = str(tmp_path / "half")
    before = aspired(models=[NamedModel(name="m", path=path)]).models["m"]
    after = aspired(
        models=[NamedModel(name="m", path=path, labels={"a": 1}, versions=VersionPolicy(all=True))]
    ).models["m"]
    assert after.candidates == before.candidates
    assert after.settings.labels == {"a": 1}


def test_a_version_that_is_asked_for_and_not_there_is_told_once(tmp_path):
    write(tmp_path / "half" / "1")
    (tmp_path / "half" / "model.yaml").write_text("versions: [7]")
    named = NamedModel(name="m", path=str(tmp_path / "half"), versions=VersionPolicy(specific=(8,)))
    assert aspired(models=[named]).models["m"].notes == ("versions: there is no version 8",)
    plain = NamedModel(name="m", path=str(tmp_path / "half"))
    assert aspired(models=[plain]).models["m"].notes == ("versions: there is no version 7",)


def test_a_place_that_is_not_there_is_the_models_cause_and_leaves_the_others_alone(tmp_path):
    write(tmp_path / "half" / "1")
    models = aspired(
        models=[
            NamedModel(name="gone", path=str(tmp_path / "gone")),
            NamedModel(name="half", path=str(tmp_path / "half")),
        ]
    ).models
    assert models["gone"].cause.code is Code.NOT_FOUND
    assert not models["gone"].complete
    assert models["half"].wanted == {1}


def test_a_model_of_the_list_hides_one_of_its_name(tmp_path):
    write(tmp_path / "repository" / "half" / "1")
    write(tmp_path / "mine" / "5")
    named = NamedModel(name="half", path=str(tmp_path / "mine"))
    assert aspired([tmp_path / "repository"], [named]).models["half"].wanted == {5}


def test_of_two_repositories_the_first_has_its_way(tmp_path):
    write(tmp_path / "a" / "half" / "1")
    write(tmp_path / "b" / "half" / "2")
    write(tmp_path / "b" / "other" / "3")
    found = aspired([tmp_path / "a", tmp_path / "b"])
    assert {name: set(model.wanted) for name, model in found.models.items()} == {"half": {1}, "other": {3}}
    assert found.notes == ("half is left out of a later repository: an earlier one has it",)


def test_a_repository_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DragomanError) as raised:
        aspired([tmp_path / "gone"])
    assert raised.value.code is Code.NOT_FOUND


def test_code_at_a_place_of_the_list_is_not_trusted_by_being_named(tmp_path):
    write(tmp_path / "half" / "1")
    candidates = aspired(models=[NamedModel(name="m", path=str(tmp_path / "half"))]).models["m"].candidates
    assert not any(candidate.named for candidate in candidates)
