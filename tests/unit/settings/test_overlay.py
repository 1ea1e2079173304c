"""Settings of models in the server's own settings."""

from msgspec import UNSET, UnsetType
from msgspec.structs import fields

from dragoman.settings.model import BatchingSettings, ModelSettings
from dragoman.settings.overlay import ModelOverlay, NamedModel


def test_every_key_of_a_model_may_be_given_with_the_same_values():
    own = {field.name: field.type | UnsetType for field in fields(ModelSettings)}
    assert {field.name: field.type for field in fields(ModelOverlay)} == own


def test_nothing_is_given_by_default():
    assert all(getattr(ModelOverlay(), name) is UNSET for name in ModelOverlay.__struct_fields__)


def test_a_key_that_is_given_wins_and_the_others_stay():
    base = ModelSettings(threads=3, labels={"stable": 1}, batching=BatchingSettings(max_size=4))
    made = NamedModel(name="m", path="p", labels={}, batching=None).over(base)
    assert made == ModelSettings(threads=3)
