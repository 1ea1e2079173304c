"""A model's settings with a configuration that came with a request in their place."""

from typing import Any

import pytest

from dragoman.core.configuration import Batching, ModelConfiguration, VersionChoice, WarmUp
from dragoman.core.override import Override
from dragoman.repository.configuration import configuration, version_choice
from dragoman.repository.overriding import changed_options, overridden
from dragoman.settings.model import BatchingSettings, ModelSettings, VersionPolicy, WarmUpSettings

OWN = ModelSettings(
    engine="onnx",
    options={"threads": 4, "mode": "fast", "text": "4", "table": {"a": [1]}, "on": True},
    versions=VersionPolicy(specific=(3,)),
    labels={"stable": 3},
    add_trailing_axis=True,
    batching=BatchingSettings(max_size=8, delay_ms=1.5, allowed_sizes=(4, 8), max_queue=7, pad=True),
    warm_up=WarmUpSettings(rows=3, runs=5),
    instances=4,
    trust="code",
)


def test_what_it_can_say_is_replaced_and_the_rest_stays() -> None:
    made = overridden(OWN, Override())
    usual = ModelSettings()
    assert (made.versions, made.batching, made.warm_up, made.instances) == (
        usual.versions,
        None,
        usual.warm_up,
        1,
    )
    assert (made.engine, made.options, made.labels, made.trust) == (
        OWN.engine,
        OWN.options,
        OWN.labels,
        "code",
    )
    assert made.add_trailing_axis


def test_what_it_says_is_taken() -> None:
    told = ModelConfiguration("", Batching(16, 250, (8, 16), 9), 2, WarmUp(5, 0), {"new": "[1, 2]"})
    made = overridden(OWN, Override("tflite", VersionChoice(all=True), told))
    assert (made.engine, made.instances, made.versions) == ("tflite", 2, VersionPolicy(all=True))
    assert made.batching == BatchingSettings(max_size=16, delay_ms=0.25, allowed_sizes=(8, 16), max_queue=9)
    assert made.warm_up == WarmUpSettings(rows=5, runs=0)
    assert made.options == {**OWN.options, "new": [1, 2]}


def test_a_queue_of_which_nothing_is_said_is_the_usual_one() -> None:
    made = overridden(OWN, Override(configuration=ModelConfiguration(batching=Batching(16))))
    assert made.batching == BatchingSettings(max_size=16)


def test_what_is_told_of_a_model_may_be_sent_back() -> None:
    told = configuration(OWN, "model.onnx", OWN.options)
    made = overridden(OWN, Override(choice=version_choice(OWN.versions), configuration=told))
    assert made.options == OWN.options
    assert changed_options(OWN.options, made.options) == frozenset()
    assert configuration(made, "model.onnx", made.options) == told
    assert version_choice(made.versions) == version_choice(OWN.versions)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("fast", "fast"),
        ('"fast"', '"fast"'),
        ("true", True),
        ("", ""),
        ('{"a": [1]}', {"a": [1]}),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_an_option_is_what_its_text_is(text: str, value: Any) -> None:
    told = ModelConfiguration(options={"new": text})
    made = overridden(OWN, Override(configuration=told)).options
    assert made["new"] == value
    assert changed_options(OWN.options, made) == {"new"}


def test_an_option_that_is_changed_is_told() -> None:
    made = overridden(
        OWN, Override(configuration=ModelConfiguration(options={"threads": "5", "mode": "fast"}))
    )
    assert changed_options(OWN.options, made.options) == {"threads"}
