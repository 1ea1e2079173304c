"""What a model gives, as outputs by name.

1. A mapping gives its own keys; a named tuple and a dataclass give their fields.
2. A tuple or list gives the declared names in their order, else `output0`, `output1`, ...; so does a tensor.
3. What is None is left out. Anything nested, and whatever is neither a tensor nor a number, is refused.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dragoman.core.errors import Code, DragomanError
from dragoman.core.signatures import TensorSpec
from dragoman.core.tensors import Tensor, fits, show_shape

Specs = Mapping[str, TensorSpec]


def usual_name(index: int) -> str:
    """The name of an output that has none."""
    return f"output{index}"


def named(value: Any, declared: Sequence[str] = ()) -> dict[str, Any]:
    """The parts of an answer by name.

    Errors: INTERNAL for other keys than text, and for more or fewer parts than are declared.
    """
    found = dict(pairs(value, declared))
    for name in found:
        if not isinstance(name, str):
            raise broken(f"it gives a dict with the key {name!r}; the names of outputs are text")
    return {name: part for name, part in found.items() if part is not None}


def pairs(value: Any, declared: Sequence[str]) -> Iterable[tuple[Any, Any]]:
    """Names and parts."""
    if isinstance(value, Mapping):
        return value.items()
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return zip(value._fields, value, strict=True)
    if dataclasses.is_dataclass(value):
        return ((each.name, getattr(value, each.name)) for each in dataclasses.fields(value))
    parts = value if isinstance(value, tuple | list) else (value,)
    if declared and len(parts) != len(declared):
        raise broken(f"it gives {len(parts)} outputs and declares {len(declared)}: {', '.join(declared)}")
    return zip(declared, parts, strict=True) if declared else numbered(parts)


def numbered(parts: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """The parts with the names that such have."""
    return ((usual_name(index), part) for index, part in enumerate(parts))


def check_names(parts: Mapping[str, Any], declared: Specs) -> None:
    """Nothing, if all outputs that the signature tells of are there.

    Errors: INTERNAL naming the one that is not.
    """
    for name in declared:
        if name not in parts:
            raise broken(f'it gives no output "{name}"; it gives {", ".join(parts) or "none"}')


def check_declared(given: Mapping[str, Tensor], declared: Specs) -> None:
    """Nothing, if the outputs are of the types and shapes that the signature tells of.

    Errors: INTERNAL naming the output.
    """
    for name, spec in declared.items():
        tensor = given[name]
        if tensor.dtype is not spec.dtype:
            raise broken(f'output "{name}" is {tensor.dtype.value} and declared {spec.dtype.value}')
        if not fits(tensor.array.shape, spec.shape):
            shapes = f"{show_shape(tensor.array.shape)} does not fit {show_shape(spec.shape)}"
            raise broken(f'output "{name}": shape {shapes}')


def broken(what: str) -> DragomanError:
    """The error for a model that does not keep to what is known of it."""
    return DragomanError(Code.INTERNAL, f"the model's answer cannot be sent: {what}")
