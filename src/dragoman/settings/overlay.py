"""What `dragoman.yaml` may say of models, over what `model.yaml` beside each says."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict, replace

from dragoman.settings.external import ExternalSettings
from dragoman.settings.model import (
    BatchingSettings,
    ExplainSettings,
    FeatureSettings,
    HandlerSettings,
    ModelSettings,
    NotNegative,
    Positive,
    PreprocessingSettings,
    SignatureSettings,
    TextSettings,
    VersionPolicy,
    WarmUpSettings,
    WorkerSettings,
)


class ModelOverlay(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Any key of `model.yaml`. One that is given here wins; one that is not leaves that file's as it is."""

    engine: str | UnsetType | None = UNSET
    options: dict[str, Any] | UnsetType = UNSET
    engine_options: dict[str, dict[str, Any]] | UnsetType = UNSET
    versions: VersionPolicy | UnsetType = UNSET
    labels: dict[str, NotNegative] | UnsetType = UNSET
    version_transition: Literal["availability_preserving", "resource_preserving"] | UnsetType = UNSET
    signatures: dict[str, SignatureSettings] | UnsetType = UNSET
    features: dict[str, FeatureSettings] | UnsetType = UNSET
    tensor_names: str | UnsetType = UNSET
    classes: list[str] | UnsetType = UNSET
    add_trailing_axis: bool | UnsetType = UNSET
    any_number: bool | UnsetType = UNSET
    preprocessing: PreprocessingSettings | UnsetType = UNSET
    batching: BatchingSettings | UnsetType | None = UNSET
    warm_up: WarmUpSettings | UnsetType = UNSET
    explain: ExplainSettings | UnsetType = UNSET
    threads: NotNegative | UnsetType = UNSET
    max_queue: NotNegative | UnsetType = UNSET
    trust: Literal["data", "code"] | UnsetType = UNSET
    instances: Positive | UnsetType = UNSET
    worker: WorkerSettings | UnsetType = UNSET
    handler: HandlerSettings | UnsetType = UNSET
    version_handlers: dict[str, HandlerSettings] | UnsetType = UNSET
    text: TextSettings | UnsetType = UNSET

    def over(self, base: ModelSettings) -> ModelSettings:
        """The base with every key replaced that is given here."""
        keys = ModelSettings.__struct_fields__
        given = {key: value for key, value in asdict(self).items() if key in keys and value is not UNSET}
        return replace(base, **given)


class NamedModel(ModelOverlay, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model: its name, where it lies, and any key of `model.yaml`. It has either a path or `external`."""

    name: str
    # A model file, a folder with numbered version folders or a model's files, or a list of model archives,
    # which are versions of it.
    path: str | tuple[str, ...] = ()
    external: ExternalSettings | UnsetType = UNSET  # the model lives in another server

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of `path`."""
        return (self.path,) if isinstance(self.path, str) else self.path

    @property
    def server(self) -> ExternalSettings | None:
        """The other server that the model lives in; None = it lies at its path."""
        return None if isinstance(self.external, UnsetType) else self.external
