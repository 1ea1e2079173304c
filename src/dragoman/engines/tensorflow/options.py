"""What `options:` may say for a SavedModel, and the session configuration made of it."""

from types import ModuleType
from typing import Any, Final

from msgspec import Struct

from dragoman.core.errors import invalid

IN_THE_CALLING_THREAD: Final = -1  # what TensorFlow takes a negative number of inter-op threads for


class TensorFlowOptions(Struct, frozen=True, kw_only=True):
    """Options of the engine `tensorflow`."""

    saved_model_tags: tuple[str, ...] = ("serve",)  # the graph that bears exactly these tags is loaded
    inter_op_threads: int = 0  # operators at once; 0 = one after the other, in the thread of the call
    # Both are settled for the whole process by the first model that loads.
    intra_op_threads: int = 0  # inside one operator; 0 = one per core
    gpu_memory_fraction: float = 0.0  # of each GPU, taken at once; 0 = as it is needed


def session_config(runtime: ModuleType, options: TensorFlowOptions) -> Any:
    """The ConfigProto of a session.

    Errors: INVALID_ARGUMENT naming the option.
    """
    for key in ("intra_op_threads", "inter_op_threads"):
        if getattr(options, key) < 0:
            raise invalid(f"options.{key}: a number of threads is 0 or more")
    if not 0.0 <= options.gpu_memory_fraction <= 1.0:
        raise invalid("options.gpu_memory_fraction: a fraction is from 0 to 1")
    if not options.saved_model_tags:
        raise invalid("options.saved_model_tags: at least one tag is needed; most SavedModels have serve")
    config = runtime.compat.v1.ConfigProto(
        intra_op_parallelism_threads=options.intra_op_threads,
        inter_op_parallelism_threads=options.inter_op_threads or IN_THE_CALLING_THREAD,
        use_per_session_threads=options.inter_op_threads > 0,
        allow_soft_placement=True,  # operators that a GPU lacks run on the CPU
    )
    config.gpu_options.allow_growth = options.gpu_memory_fraction == 0.0
    config.gpu_options.per_process_gpu_memory_fraction = options.gpu_memory_fraction
    return config
