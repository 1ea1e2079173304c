"""`config.json` in the form of OpenVINO Model Server's JSON schema, which refuses unknown keys everywhere."""

from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from dragoman.config.dialect import Level
from dragoman.core.errors import invalid

NotNegative = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Branches = Annotated[int, Meta(ge=-1, le=10_000)]
Named = str | dict[str, str]  # for the only tensor, or by tensor
T = TypeVar("T")
HONOURED, IGNORED, UNSUPPORTED = Level.HONOURED, Level.IGNORED, Level.UNSUPPORTED


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Any object of the file."""


class Latest(Part, frozen=True):
    """The highest versions."""

    num_versions: Positive


class Specific(Part, frozen=True):
    """These versions."""

    versions: Annotated[tuple[Positive, ...], Meta(min_length=1)]


class All(Part, frozen=True):
    """Every version."""


class Policy(Part, frozen=True):
    """Which versions are served: exactly one of these."""

    latest: Latest | UnsetType = UNSET
    specific: Specific | UnsetType = UNSET
    all: All | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Errors: ValueError where it is not exactly one."""
        if sum(choice is not UNSET for choice in (self.latest, self.specific, self.all)) != 1:
            raise ValueError("a policy is one of latest, specific and all")


class Model(Part, frozen=True):
    """A model."""

    name: str
    base_path: str = ""
    batch_size: NotNegative | str = 0
    shape: Named = field(default_factory=dict)
    layout: Named = field(default_factory=dict)
    nireq: NotNegative = 0
    target_device: str = "CPU"
    plugin_config: dict[str, bool | int | float | str] = field(default_factory=dict)
    model_version_policy: Policy | UnsetType = UNSET
    allow_cache: bool = False
    stateful: bool = False
    idle_sequence_cleanup: bool | UnsetType = UNSET
    low_latency_transformation: bool | UnsetType = UNSET
    max_sequence_number: NotNegative | UnsetType = UNSET
    custom_loader_options: dict[str, Any] = field(default_factory=dict)
    graph_path: str = ""
    subconfig: str = ""


class ModelEntry(Part, frozen=True):
    """An entry of the list of models."""

    config: Model


class Connection(Part, frozen=True):
    """Where a tensor comes from: a node, and its data item."""

    node_name: str
    data_item: str


# What is fed, or shown: the name, and where it comes from.
Connected = Annotated[dict[str, Connection], Meta(min_length=1, max_length=1)]


class Output(Part, frozen=True):
    """An output of a node, by the name that other nodes know."""

    data_item: str
    alias: str


class Node(Part, frozen=True):
    """A node of a pipeline."""

    name: str
    type: str
    inputs: tuple[Connected, ...]
    outputs: tuple[Output, ...]
    model_name: str = ""
    version: Positive | UnsetType = UNSET
    library_name: str = ""
    params: dict[str, str] = field(default_factory=dict)
    demultiply_count: Branches | UnsetType = UNSET
    gather_from_node: str = ""

    def __post_init__(self) -> None:
        """Errors: ValueError for another type than the two, and a node that is neither or both."""
        if self.type not in NODE_TYPES:
            raise ValueError(f"{self.type!r} is not a type of nodes: {' or '.join(NODE_TYPES)}")
        wanted, other = NODE_TYPES[self.type]
        if not getattr(self, wanted) or getattr(self, other):
            raise ValueError(f"a node of type {self.type!r} has {wanted} and no {other}")


class Pipeline(Part, frozen=True):
    """A pipeline."""

    name: str
    inputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Connected, ...]
    demultiply_count: Branches | UnsetType = UNSET


class Library(Part, frozen=True):
    """A library of custom nodes."""

    name: str
    base_path: str


class Metrics(Part, frozen=True):
    """What is measured."""

    enable: bool
    metrics_list: tuple[str, ...] = ()


class Monitoring(Part, frozen=True):
    """The section of metrics."""

    metrics: Metrics


class Graph(Part, frozen=True):
    """A MediaPipe graph."""

    name: str
    base_path: str = ""
    graph_path: str = ""
    subconfig: str = ""


class Config(Part, frozen=True):
    """The file."""

    model_config_list: tuple[ModelEntry, ...]
    pipeline_config_list: tuple[Pipeline, ...] = ()
    custom_node_library_config_list: tuple[Library, ...] = ()
    custom_loader_config_list: tuple[dict[str, Any], ...] = ()
    mediapipe_config_list: tuple[Graph, ...] = ()
    monitoring: Monitoring | UnsetType = UNSET


NODE_TYPES: Final = {
    "DL model": ("model_name", "library_name"),
    "custom": ("library_name", "model_name"),
}
STATELESS: Final = "models keep no state between requests; without stateful the model is refused"
# What becomes of each key: of the file, of a model, of a pipeline, of a node.
KEYS: Final = {
    "the file": {
        "model_config_list": (HONOURED, "models"),
        "pipeline_config_list": (HONOURED, "pipelines"),
        "custom_node_library_config_list": (HONOURED, "node_libraries, where the library is a Python file"),
        "custom_loader_config_list": (UNSUPPORTED, "libraries that load models are not loaded"),
        "mediapipe_config_list": (UNSUPPORTED, "MediaPipe graphs are not served"),
        "monitoring": (HONOURED, "metrics.ovms and metrics.ovms_families"),
    },
    "a model": {
        "name": (HONOURED, "the model's name"),
        "base_path": (HONOURED, "the model's path; relative to the file"),
        "batch_size": (HONOURED, "engine_options: openvino: batch_size"),
        "shape": (HONOURED, "engine_options: openvino: shape"),
        "layout": (HONOURED, "preprocessing.layout; by tensor: engine_options: openvino: layout"),
        "nireq": (HONOURED, "engine_options: openvino: nireq, and threads"),
        "target_device": (HONOURED, "engine_options: openvino: target_device"),
        "plugin_config": (HONOURED, "engine_options: openvino: plugin_config"),
        "model_version_policy": (HONOURED, "versions"),
        "allow_cache": (IGNORED, "what is compiled is cached where --cache_dir is given"),
        "stateful": (UNSUPPORTED, "models keep no state between requests"),
        "idle_sequence_cleanup": (IGNORED, STATELESS),
        "low_latency_transformation": (UNSUPPORTED, STATELESS),
        "max_sequence_number": (IGNORED, STATELESS),
        "custom_loader_options": (UNSUPPORTED, "libraries that load models are not loaded"),
        "graph_path": (UNSUPPORTED, "MediaPipe graphs are not served"),
        "subconfig": (UNSUPPORTED, "MediaPipe graphs are not served"),
    },
    "a version policy": {
        "latest": (
            HONOURED,
            "versions.latest; one that does not load gives way to a lower one",
        ),
        "specific": (HONOURED, "versions: versions.specific"),
        "all": (HONOURED, "versions.all"),
    },
    "a pipeline": {
        "name": (HONOURED, "name"),
        "inputs": (HONOURED, "inputs"),
        "nodes": (HONOURED, "nodes"),
        "outputs": (HONOURED, "outputs"),
        "demultiply_count": (HONOURED, "demultiply; -1 and 0 = dynamic"),
    },
    "a node": {
        "name": (HONOURED, "name"),
        "type": (HONOURED, "whether it has a model or a library"),
        "model_name": (HONOURED, "model"),
        "version": (HONOURED, "version"),
        "library_name": (HONOURED, "library"),
        "params": (HONOURED, "params"),
        "inputs": (HONOURED, "inputs"),
        "outputs": (HONOURED, "outputs"),
        "demultiply_count": (HONOURED, "demultiply; -1 and 0 = dynamic"),
        "gather_from_node": (HONOURED, "gather_from"),
    },
    "a library": {
        "name": (HONOURED, "name"),
        "base_path": (HONOURED, "path, of a Python file; relative to the file"),
    },
    "a graph": {
        "name": (UNSUPPORTED, "MediaPipe graphs are not served"),
        "base_path": (UNSUPPORTED, "MediaPipe graphs are not served"),
        "graph_path": (UNSUPPORTED, "MediaPipe graphs are not served"),
        "subconfig": (UNSUPPORTED, "MediaPipe graphs are not served"),
    },
    "`monitoring.metrics`": {
        "enable": (HONOURED, "metrics.ovms"),
        "metrics_list": (HONOURED, "metrics.ovms_families"),
    },
}


def read_config(text: str, file: str) -> Config:
    """The file's content.

    Errors: INVALID_ARGUMENT naming file and key, for what is no JSON and for what is not of the form.
    """
    return decoded(text, Config, file)


def decoded(text: str, kind: type[T], where: str) -> T:
    """JSON of this form.

    Errors: INVALID_ARGUMENT.
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        what, _, key = str(error).partition(" - at `$")
        shown = key.strip("`.").lstrip(".")
        raise invalid(f"{where}: {shown}: {what}" if shown else f"{where}: {what}") from error
    except msgspec.DecodeError as error:
        raise invalid(f"{where}: The file is not valid json - Error: {error}") from error
