"""Which loaded version a request means: the table that readers use, and the errors for what is not in it."""

from collections.abc import Mapping

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import Target
from dragoman.core.status import ModelStatus, State, VersionStatus
from dragoman.repository.handle import Handle


class ModelRoute:
    """One model's READY versions. Built anew at each change, never altered.

    `any_version`: callers who name a version that is not there get the default one.
    """

    __slots__ = ("any_version", "default", "labels", "versions")

    def __init__(
        self, versions: Mapping[int, Handle], labels: Mapping[str, int], *, any_version: bool = False
    ) -> None:
        self.any_version = any_version
        self.versions = versions
        self.labels = {label: versions[version] for label, version in labels.items() if version in versions}
        self.default = versions[max(versions)] if versions else None

    def find(self, target: Target) -> Handle | None:
        """The version that is meant."""
        version = target.version
        if version is not None:
            if version == 0 and target.zero_means_latest:
                return self.versions.get(0, self.default)
            return self.versions.get(version, self.default if self.any_version else None)
        if target.label is not None:
            return self.labels.get(target.label)
        return self.default


def refusal(target: Target, model: ModelStatus | None) -> DragomanError:
    """Why no version serves this target; `model` None = nobody knows it."""
    name = target.model
    if model is None:
        return DragomanError(Code.NOT_FOUND, f"there is no model {name!r}", reason=Reason.MODEL_UNKNOWN)
    number = target.version
    if number == 0 and target.zero_means_latest and model.version(0) is None:
        number = None
    if number is not None:
        return version_refusal(name, number, model.version(number))
    if target.label is not None:
        return DragomanError(
            Code.NOT_FOUND,
            f"model {name!r} has no version with the label {target.label!r}; it has {listed(model.labels)}",
            reason=Reason.LABEL_UNKNOWN,
        )
    states = "; ".join(described(version) for version in model.versions)
    why = states or (model.cause.message if model.cause else "none is there")
    return not_ready(f"model {name!r} has no version that serves: {why}")


def version_refusal(name: str, number: int, version: VersionStatus | None) -> DragomanError:
    """Why one version does not serve."""
    if version is None or version.state is State.GONE:
        return DragomanError(
            Code.NOT_FOUND, f"model {name!r} has no version {number}", reason=Reason.VERSION_UNKNOWN
        )
    return not_ready(f"model {name!r} does not serve: {described(version)}")


def described(version: VersionStatus) -> str:
    """A version's state and why."""
    because = f" ({version.cause.message})" if version.cause else ""
    return f"version {version.version} is {version.state.value}{because}"


def not_ready(message: str) -> DragomanError:
    """The error for a model that may serve later."""
    return DragomanError(Code.UNAVAILABLE, message, reason=Reason.MODEL_NOT_READY)


def listed(labels: Mapping[str, int]) -> str:
    """Labels for a message."""
    return ", ".join(sorted(labels)) or "none"
