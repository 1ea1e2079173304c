"""What operators registered and took away of one model, over the versions that its source has."""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from dragoman.repository.source import AspiredModel, Candidate


class Registrations(Struct, frozen=True):
    """`added` = versions in the order in which they came; `taken_away` = those of the source that are gone.

    `default` = the version that is called where none is named; None = nobody chose one since.
    """

    added: tuple[Candidate, ...] = ()
    taken_away: frozenset[int] = frozenset()
    default: int | None = None

    @property
    def versions(self) -> frozenset[int]:
        """The numbers of the versions that were added."""
        return frozenset(one.version for one in self.added)

    def empties(self, own: AspiredModel) -> bool:
        """Whether nothing is left of what the source has."""
        return bool(own.candidates) and self.taken_away.issuperset(one.version for one in own.candidates)

    def with_added(self, candidate: Candidate) -> "Registrations":
        """The same and one version more."""
        return replace(self, added=(*self.added, candidate))

    def without(self, version: int) -> "Registrations":
        """The same with a version less, whoever has it."""
        added = tuple(one for one in self.added if one.version != version)
        taken_away = self.taken_away if len(added) < len(self.added) else self.taken_away | {version}
        default = None if self.default == version else self.default
        return Registrations(added, taken_away, default)

    def over(self, own: AspiredModel) -> AspiredModel:
        """The model with all that. Whichever version was the default stays it: a newer one is not."""
        if self == NO_REGISTRATIONS:
            return own
        kept = [one for one in own.candidates if one.version not in self.taken_away | self.versions]
        candidates = tuple(sorted((*kept, *self.added), key=lambda one: one.version))
        there = {one.version for one in candidates}
        wanted = (own.wanted & there) | self.versions
        return replace(
            own,
            candidates=candidates,
            wanted=wanted,
            cause=None if self.added else own.cause,
            default=self._default(own, [one.version for one in kept], there),
        )

    def _default(self, own: AspiredModel, kept: list[int], there: set[int]) -> int | None:
        for version in (self.default, own.default):
            if version in there:
                return version
        if not self.added:
            return None
        wanted = [version for version in kept if version in own.wanted]
        return max(wanted) if wanted else self.added[0].version


NO_REGISTRATIONS: Final = Registrations()
