"""What operators asked of one model since its source was taken over."""

from collections.abc import Mapping, Set
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from dragoman.core.control import Load, ModelControl, Reload, SetLabels
from dragoman.repository.overriding import Substitute
from dragoman.repository.registrations import NO_REGISTRATIONS, Registrations

NONE: Final[frozenset[int]] = frozenset()


class Wishes(Struct, frozen=True):
    """`unloaded`: as a whole; `added` and `removed`: versions, whatever the settings want.

    `along_with` = the pipeline whose part was unloaded with it. `labels` None = those of the settings.
    `substitute` None = the model is configured by its own files. `registrations`: versions besides those of
    the source, and which of those are there no more.
    """

    unloaded: bool = False
    added: frozenset[int] = frozenset()
    removed: frozenset[int] = frozenset()
    along_with: str = ""
    labels: Mapping[str, int] | None = None
    substitute: Substitute | None = None
    registrations: Registrations = NO_REGISTRATIONS

    def wanted(self, chosen: Set[int], there: Set[int]) -> set[int]:
        """The versions that should serve, of those there are; `chosen` = those that the settings want."""
        kept = set() if self.unloaded else {*chosen, *self.registrations.versions}
        return ((kept | self.added) & there) - self.removed

    def after(self, request: ModelControl, along_with: str = "") -> "Wishes":
        """The same and this."""
        if isinstance(request, SetLabels):
            return replace(self, labels=dict(request.labels))
        if isinstance(request, Reload):
            return replace(self, labels=None)
        if request.version is None:
            if isinstance(request, Load):
                return Wishes(labels=self.labels, registrations=self.registrations)
            return replace(
                self, unloaded=True, added=NONE, removed=NONE, along_with=along_with, substitute=None
            )
        one = frozenset({request.version})
        if isinstance(request, Load):
            return replace(self, added=self.added | one, removed=self.removed - one)
        return replace(self, added=self.added - one, removed=self.removed | one)

    def among(self, there: Set[int]) -> "Wishes":
        """The same without versions that have gone: one that comes back later was not dismissed."""
        return replace(self, added=self.added & there, removed=self.removed & there)
