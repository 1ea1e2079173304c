"""One model in the manager's map: what is wanted of it, and its versions."""

from collections.abc import Callable, Mapping

from dragoman.core.control import ControlRequest, Load, Reload, SetLabels, Unload
from dragoman.core.errors import Code, DragomanError
from dragoman.core.status import ModelStatus, State
from dragoman.repository.handle import Handle
from dragoman.repository.harness import VersionHarness
from dragoman.repository.policy import VersionSnapshot
from dragoman.repository.routing import version_refusal
from dragoman.repository.source import AspiredModel, Candidate


class ModelEntry:
    """What the source wants, changed by what operators asked for since, and the versions as they are.

    `known` False: the source has no such model any more.
    """

    def __init__(self, name: str, changed: Callable[[VersionHarness], None]) -> None:
        self.name = name
        self.aspired = AspiredModel()
        self.known = True
        self.harnesses: dict[int, VersionHarness] = {}
        self._unloaded = False  # as a whole, by request
        self._added: set[int] = set()  # versions loaded by request
        self._removed: set[int] = set()  # versions unloaded by request
        self._labels: Mapping[str, int] | None = None  # set by request
        self._changed = changed

    @property
    def candidates(self) -> Mapping[int, Candidate]:
        """The versions there are."""
        return {candidate.version: candidate for candidate in self.aspired.candidates}

    @property
    def wanted(self) -> set[int]:
        """The versions that should serve."""
        chosen = set() if self._unloaded else set(self.aspired.wanted)
        return ((chosen | self._added) & self.candidates.keys()) - self._removed

    @property
    def labels(self) -> Mapping[str, int]:
        """Version labels, whether or not their versions serve."""
        return self.aspired.settings.labels if self._labels is None else self._labels

    def adopt(self, aspired: AspiredModel | None) -> None:
        """Take over what the source wants now; None = the model is not there any more.

        A folder that cannot be read just now takes nothing away from versions that serve.
        """
        self.known = aspired is not None
        new = aspired or AspiredModel()
        if not new.complete and self.serves:
            old = self.aspired
            new = AspiredModel(old.settings, old.candidates, old.wanted, new.cause, new.notes, complete=False)
        self.aspired = new

    def refresh(self, retry_failed: bool = False) -> None:
        """Bring the table of versions in line with what is wanted.

        A version that failed begins again where its settings have changed, or with `retry_failed`.
        """
        wanted = self.wanted
        for version, harness in self.harnesses.items():
            harness.aspired = version in wanted
        candidates = self.candidates
        for version in wanted:
            present, candidate = self.harnesses.get(version), candidates[version]
            if present is None or present.may_begin_again(candidate, retry_failed):
                self.harnesses[version] = VersionHarness(candidate, self._changed)

    def apply(self, request: ControlRequest) -> None:
        """Take over what an operator wants.

        Errors: NOT_FOUND for a version that is not there; FAILED_PRECONDITION for a label of a version
        that is not loaded.
        """
        if isinstance(request, SetLabels):
            self._set_labels(request.labels)
        elif isinstance(request, Reload):
            self._labels = None
        elif request.version is not None:
            if request.version not in self.candidates:
                raise version_refusal(self.name, request.version, None)
            loads = isinstance(request, Load)
            to, out_of = (self._added, self._removed) if loads else (self._removed, self._added)
            to.add(request.version)
            out_of.discard(request.version)
        else:
            self._unloaded = isinstance(request, Unload)
            self._added.clear()
            self._removed.clear()

    def _set_labels(self, labels: Mapping[str, int]) -> None:
        for label, version in labels.items():
            if version not in self.handles:
                raise DragomanError(
                    Code.FAILED_PRECONDITION,
                    f"label {label!r}: version {version} of model {self.name!r} is not loaded",
                )
        self._labels = dict(labels)

    @property
    def serves(self) -> bool:
        """Whether any version is READY."""
        return any(harness.state is State.READY for harness in self.harnesses.values())

    @property
    def handles(self) -> Mapping[int, Handle]:
        """The READY versions."""
        return {
            version: harness.handle
            for version, harness in self.harnesses.items()
            if harness.state is State.READY and harness.handle is not None
        }

    @property
    def snapshots(self) -> list[VersionSnapshot]:
        """What a policy sees."""
        return [harness.snapshot for harness in self.harnesses.values() if harness.state is not State.GONE]

    @property
    def status(self) -> ModelStatus:
        """What callers are told."""
        return ModelStatus(
            name=self.name,
            versions=tuple(self.harnesses[version].status for version in sorted(self.harnesses)),
            labels={label: version for label, version in self.labels.items() if version in self.handles},
            cause=self.aspired.cause,
            notes=tuple(self.notes),
        )

    @property
    def warnings(self) -> list[str]:
        """What an operator should know and no failed version tells."""
        notes = [f"{self.name}: {note}" for note in self.notes]
        cause = self.aspired.cause
        if cause is not None and all(harness.cause != cause for harness in self.harnesses.values()):
            notes.append(cause.message)
        return notes

    def check_loaded(self) -> None:
        """Raise the cause of the first wanted version that failed, if there is one."""
        for version in sorted(self.wanted):
            cause = self.harnesses[version].cause
            if cause is not None:
                raise DragomanError(cause.code, cause.message)

    @property
    def notes(self) -> list[str]:
        """The source's warnings, and one for each label whose version does not serve."""
        return [*self.aspired.notes] + [
            f"label {label!r} names version {version}, which is not loaded"
            for label, version in self.labels.items()
            if version not in self.harnesses or self.harnesses[version].state in (State.FAILED, State.GONE)
        ]
