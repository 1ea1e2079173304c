"""How versions are loaded: how often, and after which pauses, one that failed is tried again."""

from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from dragoman.core.errors import Code

# A second try cannot mend these: settings that do not fit, a package or a provider that is not installed.
FINAL: Final = frozenset({Code.INVALID_ARGUMENT, Code.FAILED_PRECONDITION, Code.PERMISSION_DENIED})


class LoadRules(Struct, frozen=True, kw_only=True):
    """How many versions load at once, and how often one that fails is tried again.

    Pauses grow by `factor`; each is lengthened by up to `jitter` of itself, so that models spread out.
    """

    at_once: int = 4
    retries: int = 2
    first_s: float = 0.25
    factor: float = 3.0
    jitter: float = 0.5

    def pauses(self, random: Callable[[], float]) -> Iterator[float]:
        """Seconds to wait before each retry; `random` gives numbers from 0 to 1."""
        for attempt in range(self.retries):
            yield self.first_s * self.factor**attempt * (1 + self.jitter * random())
