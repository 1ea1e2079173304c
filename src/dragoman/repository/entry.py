"""One model in the manager's map: what is wanted of it, and its versions."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Final

from msgspec.structs import replace

from dragoman.core.control import ModelControl, Reload, SetLabels
from dragoman.core.errors import Code, DragomanError, Reason, invalid
from dragoman.core.signatures import Signature
from dragoman.core.status import Cause, ModelStatus, State
from dragoman.repository.configuration import version_choice
from dragoman.repository.handle import Handle
from dragoman.repository.harness import VersionHarness
from dragoman.repository.overriding import Substitute
from dragoman.repository.parts import Part, parts_of
from dragoman.repository.policy import POLICIES, Action, Move, Policy, VersionSnapshot, parts_following
from dragoman.repository.routing import version_refusal
from dragoman.repository.settling import IN_MEMORY, Standing
from dragoman.repository.source import AspiredModel, Candidate
from dragoman.repository.versions import latest_that_load
from dragoman.repository.wishes import Wishes
from dragoman.settings.pipeline import PipelineSettings

OVERRIDDEN: Final = "it is loaded with a configuration that came with a request"
REMEMBERED: Final = 20  # versions that are gone, for status answers
Key = tuple[int, int]  # version and generation


class ModelEntry:
    """What the source wants, changed by what operators asked for since, and the versions as they are.

    `listed` False: the source has no such model, or no more.
    """

    def __init__(self, name: str, changed: Callable[[VersionHarness], None], *, listed: bool = True) -> None:
        self.name = name
        self.aspired = AspiredModel()
        self.listed = listed
        self.harnesses: dict[Key, VersionHarness] = {}
        self.wishes = Wishes()
        self._own = self.aspired  # what the source has, without what a request has put in its place
        self._labelled: dict[str, int] = {}  # the versions that labels lead to now
        self._parts: tuple[Part, ...] = ()  # of a pipeline
        self._waits = False  # for one of them
        self._changed = changed

    @property
    def candidates(self) -> Mapping[int, Candidate]:
        """The versions there are."""
        if self.pipeline is not None:
            return {one.version: replace(one, parts=self._parts) for one in self.aspired.candidates}
        return {candidate.version: candidate for candidate in self.aspired.candidates}

    @property
    def pipeline(self) -> PipelineSettings | None:
        """The graph, where this is a pipeline."""
        return self.aspired.candidates[0].pipeline if self.aspired.candidates else None

    @property
    def wanted(self) -> set[int]:
        """The versions that should serve."""
        return self.wishes.wanted(self._chosen, self.candidates.keys())

    @property
    def _chosen(self) -> Set[int]:
        """The versions that the settings want, as things stand."""
        policy = self.aspired.settings.versions
        if not policy.fall_back or policy.all or policy.specific:
            return self.aspired.wanted
        newest = self.newest
        states = {
            version: newest[version].state if version in newest else State.NEW for version in self.candidates
        }
        return latest_that_load(policy.latest, states)

    @property
    def known(self) -> bool:
        """Whether there is such a model."""
        substitute, registrations = self.wishes.substitute, self.wishes.registrations
        uploaded = substitute is not None and substitute.uploaded is not None
        return uploaded or bool(registrations.added) or (self.listed and not registrations.empties(self._own))

    @property
    def served(self) -> bool:
        """Whether any version that is remembered ever served."""
        return any(harness.loaded_at_s is not None for harness in self.harnesses.values())

    @property
    def policy(self) -> Policy:
        """How one version takes another's place."""
        if self.pipeline is not None:
            return parts_following
        return POLICIES[self.aspired.settings.version_transition]

    @property
    def next_action(self) -> Action | None:
        """What the policy wants done now. A pipeline that waits for a model is not loaded."""
        action = self.policy(self.snapshots)
        return None if self._waits and action is not None and action.move is Move.LOAD else action

    @property
    def newest(self) -> Mapping[int, VersionHarness]:
        """Each version in the generation that was begun last, lowest version first."""
        return {version: self.harnesses[version, number] for version, number in sorted(self.harnesses)}

    @property
    def shown(self) -> Mapping[int, VersionHarness]:
        """Each version as callers see it: while it is loaded anew, the one that serves."""
        serving = {h.candidate.version: h for h in self.harnesses.values() if h.state is State.READY}
        return {**self.newest, **serving}

    @property
    def standing(self) -> Standing:
        """The model as a poll has to know it: versions that are loaded, or lay there when they were."""
        candidates = self.candidates
        states = {
            version: harness.state
            for version, harness in self.newest.items()
            if version in candidates or harness.state is not State.GONE
        }
        return Standing(states, self._own.stamp)

    def adopt(self, aspired: AspiredModel | None) -> bool:
        """Take over what the source wants now; None = the model is not there any more. Whether that is new.

        A folder that cannot be read just now takes nothing away from versions that are loaded.
        """
        old, listed = self._own, aspired is not None
        new = aspired or AspiredModel()
        loaded = any(harness.state in IN_MEMORY for harness in self.harnesses.values())
        if not new.complete and loaded:
            new = replace(old, cause=new.cause, notes=new.notes, held=new.held, complete=False)
        if new == old and listed == self.listed:
            return False
        self.listed, self._own = listed, new
        self._settle()
        return True

    def _settle(self) -> None:
        """Bring what is wanted in line with the source and the wishes."""
        wishes = self.wishes
        if not self.known:
            wishes = Wishes(labels=wishes.labels, registrations=wishes.registrations)
        substitute = wishes.substitute
        own = self._own if substitute is None else substitute.over(self.name, self._own)
        self.aspired = wishes.registrations.over(own)
        self.wishes = wishes.among(self.candidates.keys())

    def refresh(self, retry_failed: bool = False) -> None:
        """Bring the table of versions in line with what is wanted.

        A version begins anew where its files or settings have changed, or with `retry_failed` if it failed.
        """
        newest, candidates = dict(self.newest), self.candidates
        wanted = self.wanted
        for version in wanted:
            present, candidate = newest.get(version), candidates[version]
            if present is not None and present.state is State.NEW:
                present.candidate = candidate  # nothing has begun that would have to begin anew
            elif present is None or present.is_outdated(candidate, retry_failed):
                generation = 0 if present is None else present.generation + 1
                harness = VersionHarness(candidate, self._changed, generation)
                self.harnesses[version, generation] = newest[version] = harness
        for (version, _), harness in self.harnesses.items():
            harness.aspired = version in wanted and harness is newest[version]
            harness.dismissed = version in self.wishes.removed
        self._forget(newest)

    def _forget(self, newest: Mapping[int, VersionHarness]) -> None:
        """Drop what is gone: former generations at once, versions when there are many."""
        gone = [key for key, harness in self.harnesses.items() if harness.state is State.GONE]
        former = [key for key in gone if self.harnesses[key] is not newest[key[0]]]
        last = sorted(set(gone) - set(former))
        for key in [*former, *last[:-REMEMBERED]]:
            del self.harnesses[key]

    def follow(self, models: Mapping[str, "ModelEntry"]) -> None:
        """See what the models of a pipeline are now."""
        parts = () if self.pipeline is None else parts_of(self.pipeline, models)
        self._waits = parts is None
        self._parts = self._parts if parts is None else parts

    @property
    def is_pipeline(self) -> bool:
        """Whether this is made of other models."""
        return self.pipeline is not None

    @property
    def any_version(self) -> bool:
        """Whether callers may name any version."""
        return self.pipeline is not None and self.pipeline.any_version

    def serving(self, version: int | None) -> Mapping[str, Signature] | None:
        """The signatures of that READY version, or of the highest; None = there is none."""
        handles = self.handles
        handle = handles.get(max(handles, default=-1) if version is None else version)
        return None if handle is None else handle.signatures

    def is_coming(self, version: int | None) -> bool:
        """Whether that version, or any, is on its way."""
        return any(
            harness.aspired and harness.state in (State.NEW, State.LOADING)
            for number, harness in self.newest.items()
            if version in (None, number)
        )

    def apply(self, request: ModelControl) -> None:
        """Take over what an operator wants.

        Errors: NOT_FOUND for a version that is not there; FAILED_PRECONDITION for a label of a version
        that is not loaded.
        """
        if isinstance(request, SetLabels):
            self._check_labels(request.labels)
        elif not isinstance(request, Reload):
            self._check_version(request.version)
        along_with = request.model if request.model not in (None, self.name) else ""
        self.wish(self.wishes.after(request, along_with))

    def wish(self, wishes: Wishes) -> None:
        """Take over what is asked for from now on."""
        self.wishes = wishes
        self._settle()

    def substitute(self, substitute: Substitute) -> None:
        """Load the model with a configuration that came with a request.

        Errors: INVALID_ARGUMENT for a pipeline, which has none.
        """
        if self.is_pipeline and substitute.uploaded is None:
            raise invalid(f"model {self.name!r} is a pipeline: it has no configuration to replace")
        wishes = self.wishes
        self.wish(Wishes(labels=wishes.labels, substitute=substitute, registrations=wishes.registrations))

    def forget_failures(self) -> None:
        """Let what serves count as the newest again, where loading it anew has failed."""
        for (version, number), harness in sorted(self.harnesses.items()):
            shown = self.shown[version]
            if harness.state is State.FAILED and shown.state is State.READY and shown.generation < number:
                del self.harnesses[version, number]

    def _check_version(self, version: int | None) -> None:
        if version is not None and version not in self.candidates:
            raise version_refusal(self.name, version, None)

    def _check_labels(self, labels: Mapping[str, int]) -> None:
        for label, version in labels.items():
            if version not in self.handles:
                raise DragomanError(
                    Code.FAILED_PRECONDITION,
                    f"label {label!r}: version {version} of model {self.name!r} is not loaded",
                )

    @property
    def handles(self) -> Mapping[int, Handle]:
        """The READY versions."""
        return {
            version: harness.handle
            for version, harness in self.shown.items()
            if harness.state is State.READY and harness.handle is not None
        }

    @property
    def wanted_labels(self) -> Mapping[str, int]:
        """Version labels, whether or not their versions serve."""
        asked = self.wishes.labels
        return self.aspired.settings.labels if asked is None else asked

    @property
    def labels(self) -> Mapping[str, int]:
        """Labels of versions that serve; one that is moved keeps its old version until the new one does."""
        return self._labelled

    def settle_labels(self) -> None:
        """Bring the labels in line with the versions that serve now."""
        serving = self.handles
        leads_to = {
            label: version if version in serving else self._labelled.get(label, version)
            for label, version in self.wanted_labels.items()
        }
        self._labelled = {label: version for label, version in leads_to.items() if version in serving}

    @property
    def snapshots(self) -> list[VersionSnapshot]:
        """What a policy sees."""
        return [harness.snapshot for harness in self.harnesses.values() if harness.state is not State.GONE]

    @property
    def status(self) -> ModelStatus:
        """What callers are told."""
        return ModelStatus(
            name=self.name,
            versions=tuple(harness.status for harness in self.shown.values()),
            labels=self.labels,
            cause=self.aspired.cause,
            notes=tuple(self.notes),
            choice=version_choice(self.aspired.settings.versions),
            known=self.known,
            default=self.aspired.default,
            any_version=self.any_version,
            stale=tuple(self._stale.values()),
        )

    @property
    def warnings(self) -> list[str]:
        """What an operator should know and no failed version tells."""
        notes = [f"{self.name}: {note}" for note in self.notes if note not in self._held]
        cause = self.aspired.cause
        if cause is not None and all(harness.cause != cause for harness in self.harnesses.values()):
            notes.append(cause.message)
        return notes

    def failures(self) -> Iterator[tuple[str, str]]:
        """What of the model failed, and why."""
        if self.aspired.cause is not None and not self.wanted:
            yield f"name: {self.name}", self.aspired.cause.message
        for version in sorted(self.wanted):
            cause = self.newest[version].cause
            if cause is not None:
                yield f"name: {self.name} version: {version}", cause.message

    def check_loaded(self) -> None:
        """Nothing, if all that is wanted serves, and where nobody unloaded it something is.

        Errors: the cause of the first version that failed; NOT_FOUND where none is there or none is wanted.
        """
        newest = self.newest
        if not self.candidates:
            none = self.aspired.cause or Cause(Code.NOT_FOUND, f"model {self.name!r} has no versions")
            raise DragomanError(none.code, none.message, reason=Reason.LOAD_FAILED)
        if not self.aspired.wanted and not self.wanted:
            why = "; ".join(self.aspired.notes) or "versions: none is wanted"
            raise DragomanError(Code.NOT_FOUND, f"model {self.name!r}: {why}", reason=Reason.LOAD_FAILED)
        for version in sorted(self.wanted):
            cause = newest[version].cause
            if cause is not None:
                raise DragomanError(cause.code, cause.message, reason=Reason.LOAD_FAILED)

    @property
    def notes(self) -> list[str]:
        """The source's warnings, and what is waited for."""
        newest = self.newest
        stale = [
            f"version {version} serves as it was, its changes do not load: {cause.message}"
            for version, cause in self._stale.items()
        ]
        waiting = [
            f"label {label!r} waits for version {version}, which is not loaded"
            for label, version in self.wanted_labels.items()
            if version not in newest or newest[version].state in (State.FAILED, State.GONE)
        ]
        overridden = [] if self.wishes.substitute is None else [OVERRIDDEN]
        return [*self.aspired.notes, *overridden, *self._held, *stale, *waiting]

    @property
    def _stale(self) -> Mapping[int, Cause]:
        """Why versions that serve are not as they were last wanted."""
        shown = self.shown
        return {
            version: harness.cause
            for version, harness in self.newest.items()
            if harness.cause is not None and shown[version].state is State.READY
        }

    @property
    def _held(self) -> list[str]:
        return [f"version {version} is still being copied, as it seems" for version in self.aspired.held]


def check_available(entries: Iterable[ModelEntry]) -> None:
    """Nothing, if all that is wanted of these models is loaded.

    Errors: INTERNAL with each model's cause, in TensorFlow Serving's words.
    """
    failed = [failure for entry in entries for failure in entry.failures()]
    if failed:
        shown = "".join(f"{{{{{what}}} due to error: {why}}}, " for what, why in failed)
        raise DragomanError(Code.INTERNAL, f"{len(failed)} model(s) did not become available: {{{shown}}}")
