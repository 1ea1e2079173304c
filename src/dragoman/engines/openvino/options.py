"""What `options:` may say for a model in OpenVINO, and the properties made of it.

Names and values are those of a model's entry in OpenVINO Model Server's `config.json`, where that has them.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

from msgspec import Struct, field

from dragoman.core.errors import invalid
from dragoman.engines.cores import default_per_core

# Below this a second thread costs more than it gives, so each core has a stream of its own.
SMALL_MODEL_BYTES: Final = 4 << 20
CPU: Final = "CPU"
NPU: Final = "NPU"  # it computes in float16 only
Plain = bool | int | float | str
Property = Plain | dict[str, Plain | dict[str, Plain]]

PRECISION: Final = "INFERENCE_PRECISION_HINT"
HINT: Final = "PERFORMANCE_HINT"
STREAMS: Final = "NUM_STREAMS"
THREADS: Final = "INFERENCE_NUM_THREADS"
PINNING: Final = "ENABLE_CPU_PINNING"
CACHE: Final = "CACHE_DIR"
OPTIONS_OF: Final = {"cache_dir": CACHE, "performance_hint": HINT, "num_streams": STREAMS, "threads": THREADS}
NUMBERS: Final = ("nireq", "num_streams", "threads")


class OpenVinoOptions(Struct, frozen=True, kw_only=True):
    """Options of the engine `openvino`."""

    target_device: str = CPU  # or GPU, NPU, AUTO, MULTI:…, HETERO:…
    plugin_config: dict[str, Property] = field(default_factory=dict)  # any of OpenVINO's properties
    nireq: int = 0  # calls at once, each an infer request of its own; 0 = as many as OpenVINO finds best
    batch_size: int | str = 0  # a number, a range such as 1:8, or auto = any; 0 = as in the model
    shape: str | dict[str, str] = field(default_factory=dict)  # of the only input, or by input
    layout: str | dict[str, str] = field(default_factory=dict)  # of the only input, or by input and output
    cache_dir: str = ""  # where compiled models are kept, so that they load faster the next time
    # What OpenVINO tunes itself for, where `plugin_config` does not say; "" = latency.
    performance_hint: Literal["", "latency", "throughput", "cumulative_throughput"] = ""
    num_streams: int = 0  # calls that the device computes at once; 0 = one per core, for a large model one
    threads: int = 0  # of each stream; 0 = one for a small model, else one per core, at most 4


def check(options: OpenVinoOptions) -> None:
    """Nothing, if the numbers are such and nothing is said twice.

    Errors: INVALID_ARGUMENT naming the option.
    """
    for key in NUMBERS:
        if getattr(options, key) < 0:
            raise invalid(f"options.{key}: the least is 0")
    for key, name in OPTIONS_OF.items():
        if getattr(options, key) and name in options.plugin_config:
            raise invalid(f"options.{key} and options.plugin_config.{name} are the same; say one of them")


def properties(options: OpenVinoOptions, model_bytes: int) -> Mapping[str, Any]:
    """OpenVINO's properties, those of `plugin_config` included."""
    made: dict[str, Any] = {}
    device = options.target_device.upper()
    if NPU not in device:
        made[PRECISION] = "f32"
    if HINT not in options.plugin_config:
        made[HINT] = (options.performance_hint or "latency").upper()
    if options.cache_dir:
        made[CACHE] = options.cache_dir
    if device == CPU:
        # A call runs in the thread that makes it, which is to stay where it was.
        made[PINNING] = False
        made |= streams(options, model_bytes)
    return made | options.plugin_config


def streams(options: OpenVinoOptions, model_bytes: int) -> Mapping[str, int]:
    """How many calls the CPU computes at once, and with how many threads in all.

    Nothing where the owner leaves it to OpenVINO by another hint, or says one of the two in `plugin_config`.
    """
    asked = options.num_streams or options.threads
    says = options.plugin_config.keys() & {HINT, STREAMS, THREADS}
    if not asked and (says or options.performance_hint not in ("", "latency")):
        return {}
    small = model_bytes < SMALL_MODEL_BYTES
    cores = default_per_core()
    number = options.num_streams or (min(cores, options.nireq or cores) if small else 1)
    threads = options.threads or (1 if small else max(1, cores // number))
    return {STREAMS: number, THREADS: number * threads}
