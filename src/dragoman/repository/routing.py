"""Which loaded version a request means: the table that readers use, and the errors for what is not in it."""

from collections.abc import Mapping

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import Target
from dragoman.core.status import ModelStatus, State, VersionStatus, version_names
from dragoman.repository.handle import Handle


class ModelRoute:
    """One model's READY versions. Built anew at each change, never altered.

    `any_version`: callers who name a version that is not there get the default one. `default`: which one that
    is; None = the highest.
    """

    __slots__ = ("any_version", "default", "labels", "names", "versions")

    def __init__(
        self,
        versions: Mapping[int, Handle],
        labels: Mapping[str, int],
        *,
        any_version: bool = False,
        default: int | None = None,
    ) -> None:
        self.any_version = any_version
        self.versions = versions
        self.labels = {label: versions[version] for label, version in labels.items() if version in versions}
        self.names = {
            name: handle
            for version, handle in versions.items()
            for name in version_names(version, handle.version_name)
        }
        chosen = max(versions, default=None) if default is None else default
        self.default = None if chosen is None else versions.get(chosen)

    def find(self, target: Target) -> Handle | None:
        """The version that is meant."""
        version = target.version
        if version is not None:
            if version == 0 and target.zero_means_latest:
                return self.versions.get(0, self.default)
            return self.versions.get(version, self.default if self.any_version else None)
        if target.label is not None:
            return self.labels.get(target.label, self.default if self.any_version else None)
        if target.version_name is not None:
            return self.names.get(target.version_name, self.default if self.any_version else None)
        return self.default


def refusal(target: Target, model: ModelStatus | None, *, removed: bool = False) -> DragomanError:
    """Why no version serves this target; `model` None = nobody knows it, `removed` = not any more."""
    name = target.model
    if model is None or removed:
        return no_model(name, model)
    number = target.version
    if number == 0 and target.zero_means_latest and model.version(0) is None:
        number = None
    if number is not None:
        return version_refusal(name, number, model.version(number), waiting(model))
    if target.label is not None:
        return DragomanError(
            Code.NOT_FOUND,
            f"model {name!r} has no version with the label {target.label!r}; it has {listed(model.labels)}",
            reason=Reason.LABEL_UNKNOWN,
        )
    if target.version_name is not None:
        asked = target.version_name
        return version_refusal(name, asked, model.named(asked), waiting(model))
    if model.default is not None and (usual := model.version(model.default)) is not None:
        return version_refusal(name, usual.called, usual, waiting(model))
    why = states(model) or (model.cause.message if model.cause else "none is there")
    return not_ready(f"model {name!r} has no version that serves: {why}", waiting(model))


def no_model(name: str, was: ModelStatus | None) -> DragomanError:
    """The error for a model that there is not; `was` = what there once was of that name."""
    reason = Reason.MODEL_UNKNOWN
    if was is not None:
        reason = Reason.PIPELINE_REMOVED if was.is_pipeline else Reason.MODEL_REMOVED
    return DragomanError(Code.NOT_FOUND, f"there is no model {name!r}", reason=reason)


def waiting(model: ModelStatus) -> Reason:
    """The reason where a model may serve later."""
    return Reason.PIPELINE_NOT_READY if model.is_pipeline else Reason.MODEL_NOT_READY


def version_refusal(
    name: str, asked: int | str, version: VersionStatus | None, reason: Reason = Reason.MODEL_NOT_READY
) -> DragomanError:
    """Why one version does not serve, which was asked for by number or name."""
    if version is None or version.state is State.GONE:
        gone = Reason.VERSION_UNKNOWN if version is None else Reason.VERSION_RETIRED
        return DragomanError(Code.NOT_FOUND, f"model {name!r} has no version {asked}", reason=gone)
    return not_ready(f"model {name!r} does not serve: {described(version)}", reason)


def states(model: ModelStatus) -> str:
    """The states of all versions, and why."""
    return "; ".join(described(version) for version in model.versions)


def described(version: VersionStatus) -> str:
    """A version's state and why."""
    why = version.cause.message if version.cause else version.doing
    because = f" ({why})" if why else ""
    return f"version {version.version} is {version.state.value}{because}"


def not_ready(message: str, reason: Reason) -> DragomanError:
    """The error for a model that may serve later."""
    return DragomanError(Code.UNAVAILABLE, message, reason=reason)


def listed(labels: Mapping[str, int]) -> str:
    """Labels for a message."""
    return ", ".join(sorted(labels)) or "none"
