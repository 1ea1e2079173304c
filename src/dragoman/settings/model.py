"""Settings of one model: what `model.yaml` beside a model may say."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

NotNegative = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(ge=0)]
PositiveSeconds = Annotated[float, Meta(gt=0)]

DTypeName = Literal[
    "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
    "float16", "bfloat16", "float32", "float64", "bytes", "string",
]  # fmt: skip


class VersionPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which version folders are served: the highest `latest` ones, `all`, or the `specific` ones."""

    latest: Positive = 1
    all: bool = False
    specific: tuple[NotNegative, ...] = ()
    fall_back: bool = False  # of `latest`: whether a version that does not load gives way to a lower one
    default: str = ""  # the name or number of the one that is called where none is named; empty = the highest
    first: bool = False  # of archives: whether that is the one listed first, or first by its file's name


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


class BatchingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How requests are joined into one run of the model, whose rows must not depend on each other."""

    max_size: Positive  # rows
    delay_ms: float = 0.0  # how long a batch waits to fill; 0 = until the turn of the event loop ends
    allowed_sizes: tuple[Positive, ...] = ()  # batches are filled up to one of these; the last = max_size
    max_queue: NotNegative = 1000  # requests that may wait; more of them are refused
    pad: bool = False  # whether inputs of unlike inner shapes are padded and joined; else they are not


class WorkerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The worker processes of a model that brings code."""

    memory_bytes: NotNegative = 0  # what one may allocate; 0 = no limit
    load_timeout_s: PositiveSeconds = 300.0  # for loading the model
    hidden_environment: str = ""  # variables they do not see: a regular expression of whole names
    grace_s: Seconds = 5.0  # for a call to end after its deadline, and the model to close; then it is killed


class HandlerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a model archive's handler is run. A key that is not given is as its model-config.yaml says."""

    yields: bool = False  # whether the archive wins where it says of a key too; TorchServe's own files yield
    kept: tuple[str, ...] = ()  # keys that win all the same
    handler: str | None = None  # file.py, either with :function; None = what the manifest names
    runtime: Literal["python", "python3", "LSP"] | None = None  # None = what the manifest names
    # devices = one per GPU, else one per core; None = as many as `instances`
    min_workers: NotNegative | Literal["devices"] | None = None
    max_workers: NotNegative | None = None  # None = as many as min_workers
    batch_size: Positive | None = None  # requests that the handler is given at once; None = 1
    max_batch_delay_ms: NotNegative | None = None  # how long a batch waits to fill; None = 100
    response_timeout_s: Positive | None = None  # for a batch, or the next part of it; None = 120
    startup_timeout_s: NotNegative | None = None  # for a worker to load the handler; 0 = none can; None = 120
    max_retry_timeout_s: NotNegative | None = None  # how long a worker is started again; None = 300
    client_timeout_ms: NotNegative | None = None  # for a whole request; None, 0 = none
    job_queue_size: Positive | None = None  # requests that may wait; more are refused; None = 100
    service_envelope: Literal["body", "json", "kserve", "kservev2"] | None = None  # None = as each call asks
    shared: bool = False  # whether one worker is given several batches at once, each on a thread
    decode_input: bool | None = None  # false = bodies as bytes only; None = as TS_DECODE_INPUT_REQUEST says
    limit_image_pixels: bool = True  # what the handler is told of limit_max_image_pixels
    metrics_file: str = ""  # YAML with metrics that handlers find defined, as TorchServe's; empty = the usual
    grow_after_ms: NotNegative = 200  # how long a request waits before one more starts, up to max_workers
    shrink_after_s: PositiveSeconds = 60.0  # how long not all are needed before one goes, down to min_workers
    forked: bool = True  # whether workers begin with what all import, torch too once one has imported it


class TextSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that writes text."""

    max_new_tokens: Positive = 1024  # written in a chat for a caller that does not say how many
    max_choices: Positive = 8  # texts for one prompt
    context: NotNegative = 0  # tokens of prompt and text together; 0 = as the model's files say
    # Whether likelier tokens than those written are told; once it is asked, the model is in memory twice.
    scoring: Literal["auto", "off"] = "auto"
    tool_parser: Literal["none", "hermes"] = "none"  # calls of tools: <tool_call>{...}</tool_call>
    reasoning_parser: Literal["none", "think"] = "none"  # what is thought: <think>...</think>
    chat_template: str = ""  # a file of Jinja in the version's folder; empty = as the model's files say


class ExplainSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the model's answers are explained. `explain: off` is short for `method: off`."""

    # Where a request names none; auto = by the model, explainer = its own explainer.py
    method: Literal[
        "auto", "off", "shapley", "occlusion", "tree_shap", "integrated_gradients", "explainer"
    ] = "auto"
    # What a missing value is: a number, a row as in `instances`, or a file *.npy or *.csv of rows in the
    # version's folder, whose mean it is; None = 0.
    baseline: float | str | list[Any] | dict[str, Any] | None = None
    budget: Annotated[int, Meta(ge=1, le=65_536)] = 4096  # rows that one request may ask the model for
    concurrency: Positive = 1  # explanations at once
    max_queue: NotNegative = 16  # that may wait for their turn; more are refused
    max_features: Annotated[int, Meta(ge=1, le=4096)] = 64  # values explained one by one; more go in blocks
    max_tokens: Annotated[int, Meta(ge=1, le=4096)] = 256  # of a prompt, explained one by one; more in groups


class WarmUpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Calls with made-up inputs before a version serves, for each of the model's signatures."""

    rows: Positive = 1  # of the made-up inputs
    runs: NotNegative | None = None  # None = 2 (a slow one and a usual one); 0 for a model that brings code


class InputPreprocessing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one input's values go through before the model: colours, mean and scale, order of the axes."""

    images: bool = True  # whether encoded images are taken, where the input has their shape
    tensors: bool = True  # whether tensors go through this too; false = they come as the model's
    resize: tuple[Positive, Positive] | None = None  # images, to (height, width) where the model's is open
    precision: DTypeName | None = None  # the type that callers send; None = the model's own
    color_format: str | None = None  # RGB:BGR = the model's, the caller's; RGB = the model's, of images
    mean: float | list[float] | None = None  # subtracted: one number, or one per channel
    scale: float | list[float] | None = None  # divided by
    layout: str | None = None  # NHWC:NCHW = the caller's axes, then the model's; NCHW = the model's


class PreprocessingSettings(InputPreprocessing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same for a model: of its only input, or of several by the model's own names."""

    inputs: dict[str, InputPreprocessing] = field(default_factory=dict)


class ModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a model's owner may set. Every key has a default, so a model needs no `model.yaml`."""

    engine: str | None = None  # None = the engine that claims the files
    options: dict[str, Any] = field(default_factory=dict)  # the engine's own: see its page in docs/engines
    engine_options: dict[str, dict[str, Any]] = field(default_factory=dict)  # the same by engine; options win
    versions: VersionPolicy = VersionPolicy()
    labels: dict[str, NotNegative] = field(default_factory=dict)  # version labels
    # Whether a new version is loaded before the old one is let go, or after that.
    version_transition: Literal["availability_preserving", "resource_preserving"] = "availability_preserving"
    signatures: dict[str, SignatureSettings] = field(default_factory=dict)
    features: dict[str, FeatureSettings] = field(default_factory=dict)
    tensor_names: str = ""  # a JSON file in a version's folder with other names of inputs and outputs
    classes: list[str] = field(default_factory=list)  # class labels by index
    add_trailing_axis: bool = False  # whether [N] may feed an [N, 1] input
    any_number: bool = False  # whether numbers of any type may feed the inputs, and [N, 1] one of shape [N]
    preprocessing: PreprocessingSettings = PreprocessingSettings()
    batching: BatchingSettings | None = None  # None = requests run one by one
    warm_up: WarmUpSettings = WarmUpSettings()
    explain: ExplainSettings = ExplainSettings()
    text: TextSettings = TextSettings()
    threads: NotNegative = 0  # calls that may run at once off the event loop; 0 = one per core
    max_queue: NotNegative = 1024  # calls that may wait for a thread or worker; more are refused
    trust: Literal["data", "code"] = "data"  # code = files that run as code may be loaded
    instances: Positive = 1  # worker processes, where the model brings code
    worker: WorkerSettings = WorkerSettings()
    handler: HandlerSettings = HandlerSettings()  # of a model archive
    # The same for single versions, by their names or numbers, in the place of `handler`.
    version_handlers: dict[str, HandlerSettings] = field(default_factory=dict)
