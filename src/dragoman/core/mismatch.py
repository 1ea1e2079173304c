"""Why given tensors do not fit a signature.

Engines ask only after a runtime refused them, so that calls which fit pay nothing for it.
"""

from collections.abc import Mapping, Sequence

from dragoman.core.errors import DragomanError, Reason, invalid
from dragoman.core.layouts import batch_axis
from dragoman.core.signatures import TensorSpec
from dragoman.core.tensors import DType, Tensor, fits, show_shape


def find_mismatch(given: Mapping[str, Tensor], specs: Mapping[str, TensorSpec]) -> DragomanError | None:
    """INVALID_ARGUMENT for the first input that is missing, unknown or of another type or shape.

    None = all fit. Both mappings are keyed by the engine's own names.
    """
    for name in specs:
        if name not in given:
            return invalid(f'input "{name}" is missing', Reason.INPUT_MISSING)
    for name, tensor in given.items():
        spec = specs.get(name)
        if spec is None:
            takes = ", ".join(sorted(specs))
            return invalid(f'there is no input "{name}"; the model takes {takes}', Reason.INPUT_UNKNOWN)
        if tensor.dtype is not spec.dtype:
            return wrong_dtype(name, tensor.dtype, spec.dtype)
        if not fits(tensor.array.shape, spec.shape):
            return wrong_shape(name, tensor.array.shape, spec)
    return None


def wrong_dtype(name: str, given: DType, wanted: DType) -> DragomanError:
    """INVALID_ARGUMENT for an input of another type than the model's."""
    return invalid(f'input "{name}": {given.value} given, {wanted.value} expected', Reason.INPUT_DTYPE)


def wrong_shape(name: str, given: tuple[int, ...], spec: TensorSpec) -> DragomanError:
    """INVALID_ARGUMENT for a shape that does not fit the input's."""
    wanted = spec.shape or ()
    message = f'input "{name}": shape {show_shape(given)} does not fit {show_shape(spec.shape)}'
    if len(given) != len(wanted):
        return invalid(message, Reason.INPUT_RANK)
    axis = batch_axis(spec.layout, len(wanted))
    if axis is not None and wanted[axis] not in (None, given[axis]):
        return invalid(message, Reason.INPUT_BATCH)
    return invalid(message, Reason.INPUT_SHAPE)


def find_unequal_sizes(
    given: Mapping[str, Tensor], symbols: Mapping[str, Sequence[str | None]]
) -> DragomanError | None:
    """INVALID_ARGUMENT for two inputs that disagree on a size which the model calls by one name."""
    sizes: dict[str, tuple[int, str]] = {}
    for name, names in symbols.items():
        for axis, (size, symbol) in enumerate(zip(given[name].array.shape, names, strict=False)):
            if symbol is None:
                continue
            first, source = sizes.setdefault(symbol, (size, name))
            if size != first:
                return invalid(
                    f'input "{name}": size {size} of axis {axis} has to be {first}, as in input "{source}"'
                )
    return None


def find_unknown_output(wanted: Sequence[str], specs: Mapping[str, object]) -> DragomanError | None:
    """INVALID_ARGUMENT for the first output that the model does not give; None = it gives them all."""
    for name in wanted:
        if name not in specs:
            return invalid(f'there is no output "{name}"; the model gives {", ".join(sorted(specs))}')
    return None


def show_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Names, types and shapes, for a message."""
    return ", ".join(f"{name} {t.dtype.value} {show_shape(t.array.shape)}" for name, t in tensors.items())
