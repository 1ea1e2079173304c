"""Settings of one model: what `model.yaml` beside a model may say."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

NotNegative = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]

DTypeName = Literal[
    "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
    "float16", "bfloat16", "float32", "float64", "bytes", "string",
]  # fmt: skip


class VersionPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which version folders are served: the highest `latest` ones, `all`, or the `specific` ones."""

    latest: Positive = 1
    all: bool = False
    specific: tuple[NotNegative, ...] = ()


class SignatureSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named way to call the model: `inputs` and `outputs` map the callers' names to the model's own."""

    method: Literal["predict", "classify", "regress"] = "predict"
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)


class FeatureSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One Example feature of fixed length. `shape` [] is one value; `default` makes the feature optional."""

    dtype: DTypeName
    shape: tuple[Positive, ...] = ()
    default: list[bool | int | float | str] | bool | int | float | str | None = None


class ModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a model's owner may set. Every key has a default, so a model needs no `model.yaml`."""

    engine: str | None = None  # None = the engine that claims the files
    options: dict[str, Any] = field(default_factory=dict)  # the engine's own: see its page in docs/engines
    versions: VersionPolicy = VersionPolicy()
    labels: dict[str, NotNegative] = field(default_factory=dict)  # version labels
    signatures: dict[str, SignatureSettings] = field(default_factory=dict)
    features: dict[str, FeatureSettings] = field(default_factory=dict)
    classes: list[str] = field(default_factory=list)  # class labels by index
    add_trailing_axis: bool = False  # whether [N] may feed an [N, 1] input
    threads: NotNegative = 0  # calls that may run at once off the event loop; 0 = one per core
    max_queue: NotNegative = 1024  # calls that may wait for a thread; more of them are refused
