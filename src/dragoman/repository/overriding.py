"""A model with a configuration that came with a request, in place of its own."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.core.configuration import Batching, ModelConfiguration, VersionChoice, WarmUp
from dragoman.core.override import Override
from dragoman.repository.configuration import US_PER_MS, option_text
from dragoman.repository.source import AspiredModel, with_settings
from dragoman.settings.model import BatchingSettings, ModelSettings, VersionPolicy, WarmUpSettings


class Substitute(Struct, frozen=True, eq=False):
    """An override in force. `uploaded` = the model that its files are, in `folder`; None = it brought none.

    Two are never equal: the same configuration asked for again is another request.
    """

    override: Override
    folder: str = ""
    uploaded: AspiredModel | None = None

    def over(self, name: str, model: AspiredModel) -> AspiredModel:
        """The model as the source has it, with this in place of its configuration, or of all of it."""
        base = model if self.uploaded is None else self.uploaded
        settings = overridden(base.settings, self.override)
        made = with_settings(base, name, settings)
        given = self.override.demands
        demands = replace(given, options=changed_options(base.settings.options, settings.options))
        candidates = tuple(
            replace(candidate, demands=demands, upload=self.folder) for candidate in made.candidates
        )
        return replace(made, candidates=candidates)


def overridden(own: ModelSettings, override: Override) -> ModelSettings:
    """A model's settings with all that a configuration can say replaced; options lie over the model's own."""
    told = override.configuration
    return replace(
        own,
        engine=override.engine or own.engine,
        options={**own.options, **read_options(own.options, told.options)},
        versions=version_policy(override.choice),
        batching=None if told.batching is None else batching_settings(told.batching),
        instances=told.instances,
        warm_up=warm_up_settings(told),
    )


def read_options(own: Mapping[str, Any], texts: Mapping[str, str]) -> Mapping[str, Any]:
    """Options that were written as `option_text` writes them; those that are as the model's own stay so."""
    return {
        name: own[name] if name in own and option_text(own[name]) == text else read_option(text)
        for name, text in texts.items()
    }


def read_option(text: str) -> Any:
    """One option: what its text is as JSON, else the text itself."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
    return text if isinstance(value, str) else value


def changed_options(own: Mapping[str, Any], now: Mapping[str, Any]) -> frozenset[str]:
    """The names of options that are not as the model's owner set them."""
    return frozenset(name for name, value in now.items() if name not in own or own[name] != value)


def batching_settings(batching: Batching) -> BatchingSettings:
    """How requests are joined."""
    usual = BatchingSettings(max_size=batching.rows)
    return replace(
        usual,
        delay_ms=batching.delay_us / US_PER_MS,
        allowed_sizes=batching.sizes,
        max_queue=batching.queue or usual.max_queue,
    )


def warm_up_settings(told: ModelConfiguration) -> WarmUpSettings:
    """The warm-up; the usual one where nothing is said."""
    warm_up: WarmUp | None = told.warm_up
    return WarmUpSettings() if warm_up is None else WarmUpSettings(rows=warm_up.rows, runs=warm_up.runs)


def version_policy(choice: VersionChoice) -> VersionPolicy:
    """Which versions serve."""
    return VersionPolicy(latest=choice.latest, all=choice.all, specific=choice.specific)
