"""How a model is configured, as data that views may read: what was set, and what stands where nothing was."""

from collections.abc import Mapping

from msgspec import Struct, field


class VersionChoice(Struct, frozen=True):
    """Which versions of those that are there serve: the highest `latest` ones, all, or these."""

    latest: int = 1
    all: bool = False
    specific: tuple[int, ...] = ()


class Batching(Struct, frozen=True):
    """How requests are joined: up to `rows`, padded to one of `sizes`, after a wait of so long at most."""

    rows: int
    delay_us: int = 0
    sizes: tuple[int, ...] = ()
    queue: int = 0  # requests that may wait


class WarmUp(Struct, frozen=True):
    """Calls with made-up inputs before a version serves."""

    rows: int
    runs: int


class ModelConfiguration(Struct, frozen=True):
    """What one version was loaded with.

    `file` = what the engine loads, by its name in the version's folder; `warm_up` None = nothing was said of
    it; `options` = those of the engine that callers may see, as texts.
    """

    file: str = ""
    batching: Batching | None = None
    instances: int = 1
    warm_up: WarmUp | None = None
    options: Mapping[str, str] = field(default_factory=dict)
