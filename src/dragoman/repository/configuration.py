"""A version's settings as callers see them."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from dragoman.core.configuration import Batching, ModelConfiguration, VersionChoice, WarmUp
from dragoman.settings.model import BatchingSettings, ModelSettings, VersionPolicy, WarmUpSettings

US_PER_MS: Final = 1000
UNSAID: Final = WarmUpSettings()


def configuration(settings: ModelSettings, file: str, options: Mapping[str, Any]) -> ModelConfiguration:
    """What a version was loaded with; `options` are those that callers may see."""
    return ModelConfiguration(
        file=file,
        batching=None if settings.batching is None else batching(settings.batching),
        instances=settings.instances,
        warm_up=warm_up(settings.warm_up),
        options={name: option_text(value) for name, value in options.items()},
    )


def batching(settings: BatchingSettings) -> Batching:
    """How requests are joined."""
    delay_us = round(settings.delay_ms * US_PER_MS)
    return Batching(settings.max_size, delay_us, settings.allowed_sizes, settings.max_queue)


def warm_up(settings: WarmUpSettings) -> WarmUp | None:
    """The warm-up that was asked for."""
    if settings == UNSAID:
        return None
    return WarmUp(settings.rows, 1 if settings.runs is None else settings.runs)


def version_choice(policy: VersionPolicy) -> VersionChoice:
    """Which versions serve."""
    return VersionChoice(policy.latest, policy.all, policy.specific)


def option_text(value: Any) -> str:
    """An engine's option as a text: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
