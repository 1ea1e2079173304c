"""What polling finds, held back until it has been copied completely.

1. A version that was never loaded is held back until its folder is `settled`. Versions that the policy would
   not choose are not looked into, nor are those that were loaded, so a poll that finds nothing new reads no
   folder.
2. The policy chooses among what is left, so that a version which is still copied takes no place of another.
   Where nothing is left, the model stays as it is.
3. A version that failed is tried again when its folder has changed, and has settled since.
4. While a model serves, a `model.yaml` that has just changed waits `settle_s`: an editor may still write it.
"""

import os
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from dragoman.core.errors import Code
from dragoman.core.status import Cause, State
from dragoman.engines.base import TreeSnapshot
from dragoman.repository.sidecar import Stamp
from dragoman.repository.source import Aspired, AspiredModel, Candidate
from dragoman.repository.stability import Look, StabilityRules, settled
from dragoman.repository.versions import wanted_versions

Required = Callable[[Candidate, TreeSnapshot], tuple[str, ...]]
TO_LOOK_INTO: Final = frozenset({None, State.FAILED})
IN_MEMORY: Final = frozenset({State.LOADING, State.READY})


class Standing(Struct, frozen=True):
    """One model as it is: its versions' states, and the `model.yaml` that is in effect."""

    states: Mapping[int, State]
    stamp: Stamp | None

    @property
    def serves(self) -> bool:
        """Whether there is something that an unfinished change could harm."""
        return not IN_MEMORY.isdisjoint(self.states.values())


class Settled(Struct, frozen=True):
    """What may be taken over now; the models to leave as they are; whether something has just changed."""

    aspired: Aspired
    untouched: frozenset[str]
    restless: bool


class Sighting(Struct, frozen=True):
    """Something as it was seen, and since when it has been so."""

    what: TreeSnapshot | Stamp | None
    since_s: float


class Settling:
    """Remembers what the last poll saw. For one thread at a time."""

    def __init__(
        self,
        rules: StabilityRules,
        required: Required,
        clock: Callable[[], float],
    ) -> None:
        self._rules = rules
        self._required = required
        self._clock = clock
        self._now_s = 0.0
        self._last: dict[str, Sighting] = {}  # by path, or by model for its `model.yaml`
        self._seen: dict[str, Sighting] = {}

    def admit(self, aspired: Aspired, standing: Mapping[str, Standing]) -> Settled:
        """The part of this that may be taken over now, where the models are as they stand."""
        self._now_s = self._clock()
        self._last, self._seen = self._seen, {}
        models, untouched = {}, set()
        for name, model in aspired.models.items():
            stands = standing.get(name)
            if stands is not None and stands.serves and not self._rests(name, model.stamp, stands.stamp):
                untouched.add(name)
            else:
                models[name] = self._settled(model, {} if stands is None else stands.states)
        restless = any(
            self._now_s - sighting.since_s < self._rules.settle_s for sighting in self._seen.values()
        )
        return Settled(replace(aspired, models=models), frozenset(untouched), restless)

    def _rests(self, name: str, stamp: Stamp | None, in_effect: Stamp | None) -> bool:
        """Whether a `model.yaml` is the one in effect, or has been as it is for long enough."""
        return stamp == in_effect or self._now_s - self._since(name, stamp) >= self._rules.settle_s

    def _settled(self, model: AspiredModel, states: Mapping[int, State]) -> AspiredModel:
        """The model with the versions among which the policy may choose."""
        found = {candidate.version: candidate for candidate in model.candidates}
        held: list[int] = []
        while True:
            wanted, _ = wanted_versions(model.settings.versions, found)
            for version in wanted:
                candidate = self._admitted(found[version], states.get(version))
                if candidate is None:
                    held.append(version)
                    del found[version]
                else:
                    found[version] = candidate
            if wanted <= found.keys():
                break
        cause = model.cause
        if held and not found:
            cause = Cause(Code.UNAVAILABLE, f"{model.candidates[0].model} is still being copied")
        return replace(
            model,
            candidates=tuple(found.values()),
            wanted=wanted,
            held=tuple(sorted(held)),
            cause=cause,
            complete=model.complete and (bool(wanted) or not held),
        )

    def _admitted(self, candidate: Candidate, state: State | None) -> Candidate | None:
        """The candidate, with its files where it may be loaded; None = it is held back."""
        if candidate.cause is not None or state not in TO_LOOK_INTO:
            return candidate
        tree = self._tree(candidate)
        if tree is None:
            return candidate if state is State.FAILED else None
        return replace(candidate, tree=tree)

    def _tree(self, candidate: Candidate) -> TreeSnapshot | None:
        """The version's files, if they are settled."""
        tree = candidate.look()
        since = Look(tree, self._since(candidate.path or candidate.model, tree))
        # A file that is a whole model has no place for a marker, and a pipeline has none at all.
        has_place = candidate.pipeline is None and not os.path.isfile(candidate.path)
        marker = self._rules.marker if has_place else None
        rules = replace(self._rules, required=self._required(candidate, tree), marker=marker)
        return tree if settled(Look(tree, self._now_s), since, rules) else None

    def _since(self, key: str, what: TreeSnapshot | Stamp | None) -> float:
        """Since when this has been as it is."""
        last = self._last.get(key)
        if last is None or last.what != what:
            last = Sighting(what, self._now_s)
        self._seen[key] = last
        return last.since_s
