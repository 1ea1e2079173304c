"""An exported program: what it says of its inputs and outputs, and how it is called.

1. Inputs bear the names of `forward`'s arguments; those inside a nested argument the path to them, `d_a`.
   Arguments that were numbers or None when the program was exported stay what they were.
2. Sizes that the export left open are open here, with their bounds, and equal where it says that they are.
3. `forward` of the program's module is called, which has the export's guards. Calling the module itself would
   also look at every size in Python, 40 µs a call, which is done here for less.
"""

import os
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Final

from msgspec import Struct

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.mismatch import find_unequal_sizes
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor
from dragoman.engines.torch.answers import named
from dragoman.engines.torch.program import Argument, Program
from dragoman.engines.torch.values import dtype_of

SUFFIX: Final = ".pt2"  # torch.export.load warns of other names
SPECIALIZED: Final = 2  # a lower bound up to this is the exporter's way to tell sizes from 0 and 1, no bound


class Bounds(Struct, frozen=True):
    """The smallest and the largest size; None = any."""

    low: int | None
    high: int | None


class Sizes:
    """What a program says of its inputs' open sizes: `symbols` by input and axis, `bounds` by symbol."""

    def __init__(self, symbols: Mapping[str, Sequence[str | None]], bounds: Mapping[str, Bounds]) -> None:
        self._symbols = {name: axes for name, axes in symbols.items() if any(axes)}
        self._bounds = bounds

    def misfit(self, inputs: Mapping[str, Tensor]) -> DragomanError | None:
        """INVALID_ARGUMENT for the first size that is out of bounds, or unlike one that it has to equal."""
        for name, axes in self._symbols.items():
            for axis, symbol in enumerate(axes):
                bounds = None if symbol is None else self._bounds.get(symbol)
                if bounds is None:
                    continue
                size = inputs[name].array.shape[axis]
                if bounds.low is not None and size < bounds.low:
                    return invalid(f'input "{name}": size {size} of axis {axis} is below {bounds.low}')
                if bounds.high is not None and size > bounds.high:
                    return invalid(f'input "{name}": size {size} of axis {axis} is above {bounds.high}')
        return find_unequal_sizes(inputs, self._symbols)


def load_export(runtime: ModuleType, path: str, file: str, device: Any) -> Program:
    """The program in a file of torch.export.

    Errors: FAILED_PRECONDITION for inputs or outputs that cannot be sent; PyTorch's own.
    """
    if path.endswith(SUFFIX):
        exported = runtime.export.load(path)
    else:
        with open(path, "rb") as opened:
            exported = runtime.export.load(opened)
    if device is not None:
        from torch.export.passes import move_to_device_pass  # noqa: PLC0415 (an engine not used costs nothing)

        exported = move_to_device_pass(exported, device)
    return program(runtime, exported, file)


def program(runtime: ModuleType, exported: Any, file: str) -> Program:
    """The program with its signature."""
    nodes = {node.name: node.meta.get("val") for node in exported.graph.nodes if node.op == "placeholder"}
    user = [spec.arg for spec in exported.graph_signature.input_specs if spec.kind.name == "USER_INPUT"]
    named_args = list(zip(input_names(runtime, exported, [arg.name for arg in user]), user, strict=True))
    fakes = {name: nodes[arg.name] for name, arg in named_args if not hasattr(arg, "value")}
    inputs = {name: spec_of(runtime, name, fake, file) for name, fake in fakes.items()}
    module = exported.module()
    leaves = [(name, getattr(arg, "value", None)) for name, arg in named_args]
    return Program(
        module,
        caller(runtime, module.forward, leaves, exported.call_spec.in_spec),
        {name: Argument(name, number_of(runtime, fake)) for name, fake in fakes.items()},
        Signature(DEFAULT_SIGNATURE, inputs, output_specs(runtime, exported, file)),
        misfit=sizes(fakes, exported.range_constraints).misfit,
    )


def input_names(runtime: ModuleType, exported: Any, in_graph: list[str]) -> list[str]:
    """The inputs' names as `forward` has them; in the graph they are in lower case.

    Releases that do not keep the arguments' names, and names that are not distinct, leave those of the graph.
    """
    arguments = getattr(exported.module_call_graph[0].signature, "forward_arg_names", None)
    if not arguments:
        return in_graph
    pytree = runtime.utils._pytree
    numbered = pytree.tree_unflatten(list(range(len(in_graph))), exported.call_spec.in_spec)
    names = []
    for (side, first, *path), _ in pytree.tree_flatten_with_path(numbered)[0]:
        argument = first.key if side.idx else arguments[first.idx]  # the second side are those given by name
        names.append("_".join([argument, *(str(key_of(step)) for step in path)]))
    return names if len(set(names)) == len(names) else in_graph


def key_of(step: Any) -> Any:
    """A dict's key, a list's index or a field's name, on the way to a part of an argument."""
    return next(getattr(step, kind) for kind in ("key", "idx", "name") if hasattr(step, kind))


def caller(runtime: ModuleType, forward: Any, leaves: Sequence[tuple[str, Any]], form: Any) -> Any:
    """A call by name: the values put into the form of the arguments, what is fixed among them."""
    unflatten = runtime.utils._pytree.tree_unflatten

    def call(given: Mapping[str, Any]) -> Any:
        args, kwargs = unflatten([given.get(name, fixed) for name, fixed in leaves], form)
        return forward(*args, **kwargs)

    return call


def output_specs(runtime: ModuleType, exported: Any, file: str) -> dict[str, TensorSpec]:
    """The outputs by name; what is None or a fixed number cannot be told apart from nothing, and is left out.

    Errors: FAILED_PRECONDITION for nested ones.
    """
    [output] = [node for node in exported.graph.nodes if node.op == "output"]
    kinds = exported.graph_signature.output_specs
    values = [
        value for value, spec in zip(output.args[0], kinds, strict=True) if spec.kind.name == "USER_OUTPUT"
    ]
    form = exported.call_spec.out_spec
    try:
        answer = runtime.utils._pytree.tree_unflatten([Leaf(value) for value in values], form)
        parts = named(answer)
    except DragomanError as error:
        raise unfit(file, error.message) from error
    made = {}
    for name, part in parts.items():
        if not isinstance(part, Leaf):
            raise unfit(file, f'output "{name}" is a {type(part).__name__}, and has to be a tensor')
        if hasattr(part.value, "meta"):
            made[name] = spec_of(runtime, name, part.value.meta.get("val"), file)
    return made


class Leaf(Struct, frozen=True):
    """A node of the graph, or a constant, in the place of an output."""

    value: Any


def spec_of(runtime: ModuleType, name: str, fake: Any, file: str) -> TensorSpec:
    """One input or output, of which the export keeps a tensor without data."""
    number = number_of(runtime, fake)
    if number is not None:
        return TensorSpec(name, DType.INT64 if number is int else DType.FP64, (), name)
    if not isinstance(fake, runtime.Tensor):
        raise unfit(file, f'"{name}" is a {type(fake).__name__}, and has to be a tensor')
    dtype = dtype_of(fake.dtype)
    if dtype is None:
        raise unfit(file, f'"{name}" is a tensor of {fake.dtype}, which cannot be sent')
    shape = tuple(size if isinstance(size, int) else None for size in fake.shape)
    return TensorSpec(name, dtype, shape, name)


def number_of(runtime: ModuleType, fake: Any) -> type | None:
    """Which kind of number it is that may differ from call to call; None for a tensor."""
    if isinstance(fake, runtime.SymInt):
        return int
    return float if isinstance(fake, runtime.SymFloat) else None


def sizes(fakes: Mapping[str, Any], constraints: Mapping[Any, Any]) -> Sizes:
    """The open sizes of inputs."""
    symbols = {name: [symbol_of(size) for size in getattr(fake, "shape", ())] for name, fake in fakes.items()}
    return Sizes(symbols, {str(symbol): bounds(within) for symbol, within in constraints.items()})


def symbol_of(size: Any) -> str | None:
    """The name of an open size; None for one that is fixed, or worked out of others, as guards check."""
    expression = None if isinstance(size, int) else size.node.expr
    return None if expression is None or not expression.is_symbol else str(expression)


def bounds(within: Any) -> Bounds:
    """A range of sizes."""
    low, high = finite(within.lower), finite(within.upper)
    return Bounds(low if low is not None and low > SPECIALIZED else None, high)


def finite(bound: Any) -> int | None:
    """A bound as a number; None where there is none."""
    return int(bound) if bound.is_Integer else None


def unfit(file: str, why: str) -> DragomanError:
    """The error for a program that cannot be called over a wire."""
    return DragomanError(Code.FAILED_PRECONDITION, f"{os.path.basename(file)} does not load: {why}")
