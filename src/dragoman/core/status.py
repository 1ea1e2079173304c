"""The state of every model: the one thing that status, metadata, readiness and listings are views of."""

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct, field

from dragoman.core.configuration import ModelConfiguration, VersionChoice
from dragoman.core.errors import Code, Reason
from dragoman.core.measures import Measure
from dragoman.core.signatures import Signature
from dragoman.core.statistics import TextCounts, VersionStatistics
from dragoman.core.terms import USUAL_TERMS, WorkTerms

PIPELINE: Final = "pipeline"  # what stands where a model has the name of its engine


class State(enum.Enum):
    """Where a version is in its life."""

    NEW = "new"
    LOADING = "loading"
    READY = "ready"
    QUIESCING = "quiescing"
    QUIESCED = "quiesced"
    UNLOADING = "unloading"
    GONE = "gone"
    FAILED = "failed"


class Cause(Struct, frozen=True):
    """Why a version is not serving. The message is safe to show a stranger."""

    code: Code
    message: str
    reason: Reason | None = None


class WorkerState(enum.Enum):
    """Where a worker process is in its life."""

    STARTING = "starting"  # it loads the model
    READY = "ready"
    DOWN = "down"  # it has ended, or could not load the model, and is started again after a pause
    GIVEN_UP = "given_up"  # it was down for too long


class WorkerStatus(Struct, frozen=True):
    """One worker of a model. `started_at_s` is Unix time; `pid` None = there is no process just now.

    `memory_bytes` is what the process holds, 0 where that is not known yet. `gpu` = the number of the GPU
    that it was told to use; None = none. `load_s` = what it took until the model was loaded; 0 = it is not.
    """

    id: str
    state: WorkerState
    pid: int | None = None
    started_at_s: float = 0.0
    memory_bytes: int = 0
    gpu: int | None = None
    load_s: float = 0.0


class WorkersStatus(Struct, frozen=True):
    """The workers of a version, never more than `maximum`.

    `healthy` = those that run or may still come back; fewer than `minimum` is ill. `answers` = whether a
    request would be taken: there is a worker, or one will be there soon. `waiting` = requests that no worker
    has taken yet.
    """

    minimum: int
    maximum: int
    healthy: int
    workers: tuple[WorkerStatus, ...] = ()
    answers: bool = True
    waiting: int = 0
    terms: WorkTerms = USUAL_TERMS


class VersionStatus(Struct, frozen=True):
    """One version. `signatures` is empty until it is READY; `loaded_at_s` is Unix time.

    `name` = what its own files call it, such as 1.0 or 2024-spring; None = its number is all there is.
    `origin` = its file or folder as it was named, `path` where that lies, which is not for strangers;
    `registered` = by a request, and not by the settings. `doing` = what a load does that takes minutes.

    All of it is a snapshot but `statistics`, whose counters are the version's own and go on counting, and
    `workers`, `measures`, `texts` and `trouble`: how the workers are, what the model's own code has measured,
    which texts are being written, and what is wrong although it is loaded, is asked when somebody looks;
    None = there is nothing to tell of. These and the configuration are there from READY until nothing of the
    version is left.
    """

    version: int
    state: State
    engine: str | None = None
    cause: Cause | None = None
    signatures: Mapping[str, Signature] = field(default_factory=dict)
    loaded_at_s: float | None = None
    statistics: VersionStatistics | None = None
    configuration: ModelConfiguration | None = None
    workers: Callable[[], WorkersStatus] | None = None
    measures: Callable[[], Sequence[Measure]] | None = None
    texts: Callable[[], TextCounts] | None = None
    trouble: Callable[[], Cause | None] | None = None
    name: str | None = None
    origin: str = ""
    path: str = ""
    registered: bool = False
    doing: str = ""

    @property
    def called(self) -> str:
        """What it is called: its name, else its number as archives write that."""
        return self.name if self.name is not None else f"{self.version}.0"

    @property
    def answers(self) -> bool:
        """Whether it serves, is well, and has workers that may answer where it needs any."""
        if self.state is not State.READY or self.ails is not None:
            return False
        return self.workers is None or self.workers().answers

    @property
    def ails(self) -> Cause | None:
        """What is wrong although it is loaded; None = nothing."""
        return None if self.trouble is None else self.trouble()


class ModelStatus(Struct, frozen=True):
    """One model with every version it ever had, lowest first, its labels, and its choice of versions.

    `cause` tells why no versions could be found; `notes` are warnings, such as a label without its version.
    `known` False: the repository has no such model any more. `default` = the version that serves requests
    which name none, once it is READY; None = the highest that is. `any_version` = callers may name another.
    `stale` = why versions that serve are still as they were, although their files or settings have changed.
    """

    name: str
    versions: tuple[VersionStatus, ...]
    labels: Mapping[str, int] = field(default_factory=dict)
    cause: Cause | None = None
    notes: tuple[str, ...] = ()
    choice: VersionChoice = VersionChoice()
    known: bool = True
    default: int | None = None
    any_version: bool = False
    stale: tuple[Cause, ...] = ()

    def version(self, number: int) -> VersionStatus | None:
        """That version, or None."""
        return next((v for v in self.versions if v.version == number), None)

    def named(self, name: str) -> VersionStatus | None:
        """The version of that name, or of that number where it has no name; None = there is none."""
        return next((v for v in self.versions if name in version_names(v.version, v.name)), None)

    @property
    def latest_ready(self) -> VersionStatus | None:
        """The READY version that serves requests that name none: the highest, where no other was chosen."""
        ready = [v for v in self.versions if v.state is State.READY and self.default in (None, v.version)]
        return ready[-1] if ready else None

    @property
    def there(self) -> tuple[VersionStatus, ...]:
        """The versions that have not gone."""
        return tuple(version for version in self.versions if version.state is not State.GONE)

    @property
    def usual(self) -> VersionStatus | None:
        """The version that requests mean that name none, whether or not it serves; None = there is none."""
        if self.default is not None:
            return next((one for one in self.there if one.version == self.default), None)
        return self.latest_ready or next(reversed(self.there), None)

    @property
    def why_not(self) -> Cause | None:
        """Why it does not serve: its place cannot be read, or the highest version there is failed."""
        if self.latest_ready is not None:
            return None
        failed = [version.cause for version in self.versions if version.state is State.FAILED]
        unreadable = self.cause is not None and self.cause.reason is Reason.PLACE_UNREADABLE
        return self.cause if unreadable else (failed[-1] if failed else None)

    @property
    def is_pipeline(self) -> bool:
        """Whether the model is made of others."""
        return any(version.engine == PIPELINE for version in self.versions)

    @property
    def healthy(self) -> bool:
        """Whether the version that callers reach, or should, has as many workers as it needs.

        One without workers of its own is well unless it could not be loaded, and so is a model of which
        nothing is wanted any more.
        """
        version = self.usual
        if version is None or version.workers is None:
            return version is None or version.state is not State.FAILED
        staff = version.workers()
        return staff.healthy >= staff.minimum

    @property
    def failed(self) -> bool:
        """Whether nothing serves and nothing is on its way to serve."""
        return all(v.state in (State.FAILED, State.GONE) for v in self.versions)


class StatusReport(Struct, frozen=True):
    """Every model by name, sorted. An immutable snapshot. `strict` = it is ready if every model is."""

    models: Mapping[str, ModelStatus] = field(default_factory=dict)
    strict: bool = False

    @property
    def ready(self) -> bool:
        """Whether no model is on its way any more and one serves; true of an empty repository.

        A model that failed for good does not count, unless `strict`: were it to make the whole server
        unready, an orchestrator would take the good ones away with it. One that nobody wants never counts.
        """
        if self.strict and not all(model.healthy and not model.why_not for model in self.models.values()):
            return False
        idle = [model for model in self.models.values() if model.latest_ready is None]
        return all(model.failed for model in idle) and (not idle or len(idle) < len(self.models))

    @property
    def healthy(self) -> bool:
        """Whether every model is, those that failed for good included: what TorchServe's ping tells."""
        return all(model.healthy for model in self.models.values())


def version_names(number: int, name: str | None) -> tuple[str, ...]:
    """What a version may be called: its name; where it has none its number, also as archives write that."""
    return (name,) if name is not None else (str(number), f"{number}.0")
