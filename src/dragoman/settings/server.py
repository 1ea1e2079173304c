"""Settings of the server as a whole."""

import enum
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, field

from dragoman.settings.access import AccessSettings
from dragoman.settings.archives import ArchiveSettings
from dragoman.settings.deployment import DEEPLOY, DEEPLOY_WORKSPACES, GRADIENT, Deployment, Mount
from dragoman.settings.external import ExternalRules
from dragoman.settings.limits import Limits
from dragoman.settings.overlay import ModelOverlay, NamedModel
from dragoman.settings.pipeline import NodeLibrary, PipelineSettings
from dragoman.settings.registration import RegistrationSettings
from dragoman.settings.snapshots import SnapshotSettings
from dragoman.settings.tls import TlsSettings
from dragoman.settings.tokens import TokenSettings

Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(ge=0)]


class Dialect(enum.Enum):
    """Which answers a listener gives where servers differ: the union, or one server's own."""

    SUPERSET = "superset"
    TFSERVING = "tfserving"
    KSERVE = "kserve"
    OVMS = "ovms"
    TORCHSERVE = "torchserve"


class CorsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What web pages of other origins are told in every answer that does not say so itself. Empty = none."""

    origin: str = ""  # Access-Control-Allow-Origin, as https://shop.example or *
    methods: str = ""  # Access-Control-Allow-Methods, as GET, POST
    headers: str = ""  # Access-Control-Allow-Headers, as Content-Type


class Listener(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address that is listened on. Port 0 = any free one. `protocols` empty = every one there is."""

    name: str = ""  # by which several sources of settings mean one listener
    transport: Literal["http", "grpc"] = "http"
    host: str = "127.0.0.1"
    port: Port = 8000
    dialect: Dialect = Dialect.SUPERSET
    protocols: tuple[str, ...] = ()
    also: tuple[str, ...] = ()  # protocols besides, of those that are spoken only where they are named
    without: tuple[str, ...] = ()  # protocols that are left out
    raw_tensors: bool = False  # gRPC only: whether tensors are answered as raw bytes, where that is a choice
    # gRPC only: how V2 answers a request whose tensors are in `contents`. Triton: raw, KServe: contents
    grpc_explicit_reply: Literal["both", "raw", "contents"] = "both"
    stream_dialect: Literal["triton", "mlserver"] = "triton"  # gRPC only: the messages of ModelStreamInfer
    mounts: tuple[Mount, ...] = (GRADIENT, DEEPLOY, DEEPLOY_WORKSPACES)  # HTTP only: other paths to models
    open_models: tuple[str, ...] = ()  # served to everyone here although a deployment closes them
    tls: TlsSettings = TlsSettings()
    cors: bool | CorsSettings = False  # HTTP only: whether web pages of other origins may read the answers


# Families of metrics of OpenVINO Model Server: the usual ones, those that are shown only where they are asked
# for, and those of its MediaPipe graphs, which nothing here is.
OvmsFamily = Literal[
    "ovms_requests_success",
    "ovms_requests_fail",
    "ovms_request_time_us",
    "ovms_inference_time_us",
    "ovms_wait_for_infer_req_time_us",
    "ovms_current_requests",
    "ovms_streams",
    "ovms_infer_req_queue_size",
    "ovms_infer_req_active",
    "ovms_current_graphs",
    "ovms_requests_accepted",
    "ovms_requests_rejected",
    "ovms_responses",
    "ovms_graph_error",
    "ovms_graph_processing_time_us",
    "ovms_graph_request_latency_us",
]
LISTENERS: Final = (Listener(name="http"), Listener(name="grpc", transport="grpc", port=8001))


class LogSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is written to stderr. `access` failures = failed and slow requests only."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"  # auto = console on a terminal, json elsewhere
    access: Literal["failures", "full", "off"] = "failures"
    slow_request_s: float = 1.0


class LoadingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How models are brought into memory. A load that fails is tried again, after ever longer pauses."""

    at_once: Annotated[int, Meta(ge=1)] = 4  # versions that load at the same time
    retries: Annotated[int, Meta(ge=0)] = 2
    first_pause_s: Seconds = 0.25
    pause_factor: Annotated[float, Meta(ge=1)] = 3.0
    required: bool = False  # whether the start fails where a model cannot serve at all; else it is retried
    strict_readiness: bool = False  # whether one model that does not serve makes the whole server not ready
    recorded_warm_up: bool = True  # whether requests that lie recorded beside a version are replayed first


class PollingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How changes of the repositories are noticed: by looking, and sooner by the file system's events."""

    poll_s: Seconds = 1.0  # TensorFlow Serving: 1; 0 = they are not looked at, nor are events heard
    settle_s: Seconds = 2.0  # for so long a new version's files have to stay as they are before it is loaded
    marker: str = ""  # a file that is written last, such as _SUCCESS; a version waits for it; empty = none


class MetricsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where metrics are shown besides /metrics."""

    tensorflow_serving_path: str = ""  # under the names that TensorFlow Serving gives them; empty = nowhere
    ovms: bool = False  # whether /metrics has them under the names of OpenVINO Model Server, too
    ovms_families: tuple[OvmsFamily, ...] = ()  # which of these; empty = the usual ones
    # TorchServe's: prometheus = at /metrics of listeners of its dialect; log = lines in files; legacy = both
    torchserve: Literal["off", "prometheus", "log", "legacy"] = "off"
    torchserve_file: str = ""  # YAML that defines them, as for metrics_config; empty = the usual ones
    torchserve_auto_detect: bool = False  # whether handlers' metrics that are not defined count, too
    torchserve_system_s: Seconds = 60.0  # how often CPU, memory and disk are looked at; 0 = never
    torchserve_folder: str = "logs"  # where ts_metrics.log and model_metrics.log are written


class CloudEventSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the events say of themselves that answer KServe requests which are events."""

    type: Annotated[str, Meta(min_length=1)] = "io.kserve.inference.response"  # also CE_TYPE, as in KServe
    source: str = ""  # also CE_SOURCE; empty = io.kserve.inference. and the model's name
    merge: bool = False  # also CE_MERGE; whether the other attributes of the request's event are repeated


class ServerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The one native configuration: what `dragoman.yaml` may say. Paths in it are relative to that file."""

    version: Literal[1] = 1  # of this form
    repository: str | tuple[str, ...] = ()  # paths whose models are served, as after `dragoman serve`
    models: tuple[NamedModel, ...] = ()  # single models, under names of their own
    pipelines: tuple[PipelineSettings, ...] = ()  # models that are made of these
    node_libraries: tuple[NodeLibrary, ...] = ()  # Python files that pipelines may call besides models
    labels_before_load: bool = True  # whether, once the server runs, labels may name unloaded versions
    external: ExternalRules = ExternalRules()  # which other servers models may live in
    every_model: ModelOverlay = ModelOverlay()  # said of every model; an entry of `models` wins over it
    engine_options: dict[str, dict[str, Any]] = field(default_factory=dict)  # by engine; a model's own win
    default_model: str = ""  # the one that is meant where a request names none; empty = the only one there is
    allow_remote_control: bool = False  # whether others than this machine may load and unload models
    config_poll_s: Seconds = 1.0  # how often the files that this comes from are looked at; 0 = only at SIGHUP
    loading: LoadingSettings = LoadingSettings()
    polling: PollingSettings = PollingSettings()
    archives: ArchiveSettings = ArchiveSettings()
    registration: RegistrationSettings = RegistrationSettings()
    snapshots: SnapshotSettings = SnapshotSettings()
    metrics: MetricsSettings = MetricsSettings()
    listeners: tuple[Listener, ...] = LISTENERS
    server_name: str = "dragoman"  # of V2's server metadata; some of Triton's clients look for `triton`
    cloud_events: CloudEventSettings = CloudEventSettings()
    repeated_parts: Literal["last", "all"] = "last"  # which of a form's parts of one name handlers get
    limits: Limits = Limits()
    log: LogSettings = field(default_factory=LogSettings)
    access: AccessSettings = AccessSettings()
    tokens: TokenSettings = TokenSettings()
    deployments: tuple[Deployment, ...] = ()
    deployments_file: str | None = None  # None = deployments.yaml beside the repository; empty = no such file
    watch_s: Annotated[float, Meta(gt=0)] = 1.0  # how often that file, secrets and certificates are looked at

    @property
    def repositories(self) -> tuple[str, ...]:
        """The paths of `repository`."""
        return (self.repository,) if isinstance(self.repository, str) else self.repository
