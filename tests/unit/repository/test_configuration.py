"""What callers see of a version's settings."""

import pytest

from dragoman.core.configuration import Batching, VersionChoice, WarmUp
from dragoman.repository.configuration import configuration, version_choice
from dragoman.settings.model import BatchingSettings, ModelSettings, VersionPolicy, WarmUpSettings


def test_settings_that_say_nothing_are_the_defaults() -> None:
    told = configuration(ModelSettings(), "model.onnx", {})
    assert (told.file, told.batching, told.instances, told.warm_up, told.options) == (
        "model.onnx",
        None,
        1,
        None,
        {},
    )


def test_settings_are_told_in_neutral_words_and_options_as_texts() -> None:
    settings = ModelSettings(
        batching=BatchingSettings(max_size=8, delay_ms=0.5, allowed_sizes=(2, 8), max_queue=5),
        instances=2,
        warm_up=WarmUpSettings(rows=3, runs=4),
    )
    told = configuration(settings, "f", {"threads": 2, "mode": "all", "providers": ["cpu"], "arena": True})
    assert told.batching == Batching(8, 500, (2, 8), 5)
    assert (told.instances, told.warm_up) == (2, WarmUp(3, 4))
    assert told.options == {"threads": "2", "mode": "all", "providers": '["cpu"]', "arena": "true"}


@pytest.mark.parametrize(
    ("policy", "choice"),
    [
        (VersionPolicy(latest=2), VersionChoice(latest=2)),
        (VersionPolicy(all=True), VersionChoice(all=True)),
        (VersionPolicy(specific=(1, 3)), VersionChoice(specific=(1, 3))),
    ],
)
def test_the_versions_that_serve_are_told(policy: VersionPolicy, choice: VersionChoice) -> None:
    assert version_choice(policy) == choice
