"""What `options:` may say for a model of PyTorch, and the signature that is declared there."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct, field

from dragoman.core.errors import invalid
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature, TensorSpec
from dragoman.core.tensors import DType
from dragoman.settings.model import DTypeName

# Threads that share such a model's work take longer than one alone, and far longer where a core is busy.
SMALL_MODEL_BYTES: Final = 4 << 20
MOST_CALLS: Final = 16  # at once in one process, as many as a worker takes
EXAMPLE: Final = "{x: {dtype: float32, shape: [null, 3]}}"


class TensorOption(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One input or output: its type, and its sizes, null for any; without a shape it has any."""

    dtype: DTypeName
    shape: tuple[int | None, ...] | None = None


class TorchOptions(Struct, frozen=True, kw_only=True):
    """Options of the engine `torch`."""

    device: str = "cpu"  # or cuda, cuda:1, ...
    threads: int = 0  # inside one call; 0 = one for a small model, else the cores divided by the instances
    concurrency: int = 1  # calls at once in one process
    # Where the file does not say what it takes and gives: both, or neither.
    inputs: dict[str, TensorOption] = field(default_factory=dict)
    outputs: dict[str, TensorOption] = field(default_factory=dict)
    class_file: str = "model.py"  # beside a safetensors file
    class_name: str = ""  # "" = the class Model, or the only torch.nn.Module of the file
    class_arguments: dict[str, Any] = field(default_factory=dict)


def check(options: TorchOptions) -> None:
    """Nothing, if the values can be used.

    Errors: INVALID_ARGUMENT naming the option.
    """
    if options.threads < 0:
        raise invalid("options.threads: a number of threads is 0 or more")
    if not 1 <= options.concurrency <= MOST_CALLS:
        raise invalid(f"options.concurrency: it is a number from 1 to {MOST_CALLS}")


def threads_of(options: TorchOptions, model_bytes: int) -> int:
    """How many threads compute one call; 0 = as many as PyTorch finds it may use."""
    return options.threads or (1 if model_bytes < SMALL_MODEL_BYTES else 0)


def declared_signature(options: TorchOptions) -> Signature:
    """What the options say of the tensors; an untyped signature where they say nothing.

    Errors: INVALID_ARGUMENT where only one side is declared, or a type is none of PyTorch's.
    """
    if not options.inputs and not options.outputs:
        return Signature(DEFAULT_SIGNATURE, {}, {}, untyped=True)
    for role in ("inputs", "outputs"):
        if not getattr(options, role):
            raise invalid(f"options.{role}: it has to be declared, too, as in {EXAMPLE}")
    inputs, outputs = specs("inputs", options.inputs), specs("outputs", options.outputs)
    return Signature(DEFAULT_SIGNATURE, inputs, outputs)


def specs(role: str, declared: Mapping[str, TensorOption]) -> dict[str, TensorSpec]:
    """The tensors of one side."""
    made = {}
    for name, option in declared.items():
        if option.dtype in ("bytes", "string"):
            raise invalid(f"options.{role}.{name}.dtype: PyTorch has no tensors of {option.dtype}")
        if any(size is not None and size < 0 for size in option.shape or ()):
            raise invalid(f"options.{role}.{name}.shape: a size is 0 or more, or null for any")
        made[name] = TensorSpec(name, DType(option.dtype), option.shape, name)
    return made
