"""What `options:` may say for an ONNX model, and the session options made of it."""

from types import ModuleType
from typing import Any, Final, Literal

from msgspec import Struct, field

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.engines.cores import default_per_core

# Below this a second thread costs more than it gives. An MLP 32-64-64-3 with 64 rows: 15.7 µs against 10.2.
SMALL_MODEL_BYTES: Final = 4 << 20
LOG_SEVERITY: Final = {"verbose": 0, "info": 1, "warning": 2, "error": 3, "fatal": 4}
LEVELS: Final = {
    "disabled": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
SHORT_NAMES: Final = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "rocm": "ROCMExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
PACKAGES: Final = {
    "CUDAExecutionProvider": "onnxruntime-gpu",
    "TensorrtExecutionProvider": "onnxruntime-gpu",
    "OpenVINOExecutionProvider": "onnxruntime-openvino",
    "DmlExecutionProvider": "onnxruntime-directml",
}


class OnnxOptions(Struct, frozen=True, kw_only=True):
    """Options of the engine `onnx`."""

    intra_op_threads: int = 0  # inside one operator; 0 = 1 for a small model, else one per core up to 4
    inter_op_threads: int = 1  # operators at once, where execution_mode is parallel
    execution_mode: Literal["sequential", "parallel"] = "sequential"
    optimization_level: Literal["disabled", "basic", "extended", "all"] = "all"
    providers: tuple[str, ...] = ("cpu",)  # in order of preference; CPU is always the last resort
    provider_options: dict[str, dict[str, str]] = field(default_factory=dict)  # by provider
    allow_spinning: bool = False  # threads that wait burn their core to start sooner; onnxruntime: true
    memory_arena: bool = True  # keep freed memory for the next call
    memory_pattern: bool = True  # plan memory once for each input shape
    log_level: Literal["verbose", "info", "warning", "error", "fatal"] = "fatal"  # onnxruntime's own stderr
    session_config: dict[str, str] = field(default_factory=dict)  # any of onnxruntime's session config keys


def session_options(runtime: ModuleType, options: OnnxOptions, model_bytes: int) -> Any:
    """The SessionOptions of onnxruntime.

    Errors: INVALID_ARGUMENT naming the option.
    """
    if options.intra_op_threads < 0 or options.inter_op_threads < 0:
        key = "intra_op_threads" if options.intra_op_threads < 0 else "inter_op_threads"
        raise invalid(f"options.{key}: a number of threads is 0 or more")
    made = runtime.SessionOptions()
    made.intra_op_num_threads = options.intra_op_threads or default_threads(model_bytes)
    made.inter_op_num_threads = options.inter_op_threads
    made.execution_mode = getattr(runtime.ExecutionMode, f"ORT_{options.execution_mode.upper()}")
    made.graph_optimization_level = getattr(
        runtime.GraphOptimizationLevel, LEVELS[options.optimization_level]
    )
    made.enable_cpu_mem_arena = options.memory_arena
    made.enable_mem_pattern = options.memory_pattern
    made.log_severity_level = LOG_SEVERITY[options.log_level]
    spinning = "1" if options.allow_spinning else "0"
    made.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    made.add_session_config_entry("session.inter_op.allow_spinning", spinning)
    for key, value in options.session_config.items():
        made.add_session_config_entry(key, value)
    return made


def default_threads(model_bytes: int) -> int:
    """Threads for one operator: one for a small model, else the cores this process may use, bounded."""
    return 1 if model_bytes < SMALL_MODEL_BYTES else default_per_core()


def providers(runtime: ModuleType, options: OnnxOptions) -> list[tuple[str, dict[str, str]]]:
    """The execution providers in order, each with its options.

    Errors: INVALID_ARGUMENT for options of a provider that is not listed; FAILED_PRECONDITION for a provider
    that the installed onnxruntime lacks.
    """
    wanted = [full_name(name) for name in options.providers] or [SHORT_NAMES["cpu"]]
    settings = {full_name(name): values for name, values in options.provider_options.items()}
    for name in settings:
        if name not in wanted:
            raise invalid(f"options.provider_options.{name}: not among options.providers")
    available = runtime.get_available_providers()
    for name in wanted:
        if name not in available:
            raise missing_provider(name, available)
    return [(name, settings.get(name, {})) for name in wanted]


def full_name(name: str) -> str:
    """The name by which onnxruntime knows a provider."""
    return SHORT_NAMES.get(name.lower(), name)


def missing_provider(name: str, available: list[str]) -> DragomanError:
    """The error for a provider that is not there."""
    remedy = f"; it comes with the package {PACKAGES[name]}" if name in PACKAGES else ""
    return DragomanError(
        Code.FAILED_PRECONDITION,
        f"options.providers: the installed onnxruntime has no {name}{remedy}; it has {', '.join(available)}",
    )
