"""A model's inputs and outputs as a signature.

1. A tensor is called by the first of its names in alphabetical order, as in OpenVINO Model Server; an input
   without one by its node's name, an output without one `out_` and its number.
2. `mapping_config.json` beside the model gives other names: `{"inputs": {"x": "image"}, "outputs": {…}}`.
3. Outputs that bear the name of an earlier one are the same tensor again, and are left out.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct, field

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.images import Range
from dragoman.core.signatures import TensorSpec
from dragoman.core.tensors import DType, Shape
from dragoman.engines.openvino.sizes import Size

MAPPING: Final = "mapping_config.json"
TEXT: Final = "string"
DTYPES: Final = {
    "boolean": DType.BOOL,
    "u8": DType.UINT8,
    "u16": DType.UINT16,
    "u32": DType.UINT32,
    "u64": DType.UINT64,
    "i8": DType.INT8,
    "i16": DType.INT16,
    "i32": DType.INT32,
    "i64": DType.INT64,
    "f16": DType.FP16,
    "bf16": DType.BF16,
    "f32": DType.FP32,
    "f64": DType.FP64,
    TEXT: DType.BYTES,
}


class Mappings(Struct, frozen=True):
    """What callers call the model's inputs and outputs, by names that these have in the model."""

    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)


class Port(Struct, frozen=True):
    """One input or output: its number, what callers call it, and all the names it has in the model."""

    is_input: bool
    number: int
    name: str
    names: frozenset[str]


def read_mapping(folder: str) -> Mappings:
    """What `mapping_config.json` says.

    Errors: INVALID_ARGUMENT where that file is none.
    """
    try:
        with open(os.path.join(folder, MAPPING), "rb") as file:
            return msgspec.json.decode(file.read(), type=Mappings)
    except FileNotFoundError:
        return Mappings()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid(f"{MAPPING}: {error}") from None


def input_ports(model: Any, mapping: Mapping[str, str]) -> list[Port]:
    """The model's inputs, in its order."""
    return [
        Port(True, number, *names_of(given.names, given.node.friendly_name, mapping))
        for number, given in enumerate(model.inputs)
    ]


def output_ports(model: Any, mapping: Mapping[str, str]) -> list[Port]:
    """The model's outputs, in its order."""
    return [
        Port(False, number, *names_of(given.names, f"out_{number}", mapping))
        for number, given in enumerate(model.outputs)
    ]


def each_name_once(ports: Sequence[Port]) -> list[Port]:
    """The first port of each name."""
    by_name: dict[str, Port] = {}
    for port in ports:
        by_name.setdefault(port.name, port)
    return list(by_name.values())


def names_of(names: set[str], otherwise: str, mapping: Mapping[str, str]) -> tuple[str, frozenset[str]]:
    """What callers call a tensor, and all the names it has in the model."""
    own = frozenset(names or {otherwise})
    mapped = (mapping[name] for name in sorted(own) if name in mapping)
    return next(mapped, min(own)), own


def warn_of_unknown_names(mapping: Mapping[str, str], ports: Sequence[Port]) -> None:
    """Say which names of `mapping_config.json` the model does not have; they have no effect."""
    known = frozenset[str]().union(*(port.names for port in ports))
    if unknown := sorted(mapping.keys() - known):
        structlog.get_logger("dragoman.engines.openvino").warning(
            "names without effect", file=MAPPING, names=unknown
        )


def drop_outputs_that_cannot_be_sent(model: Any, ports: Sequence[Port], file: str) -> None:
    """Take them out of the model, with a warning.

    Errors: FAILED_PRECONDITION where no other is left.
    """
    unsent = {port: kind(value) for port, value in zip(ports, model.outputs, strict=True) if not known(value)}
    if len(unsent) == len(ports):
        raise DragomanError(
            Code.FAILED_PRECONDITION, f"{file} does not load: it has no output of a type that can be sent"
        )
    if unsent:
        structlog.get_logger("dragoman.engines.openvino").warning(
            "outputs left out", file=file, outputs={port.name: kind for port, kind in unsent.items()}
        )
    results = model.get_results()
    for port in unsent:
        model.remove_result(results[port.number])


def input_specs(
    model: Any, ports: Sequence[Port], layouts: Mapping[Port, str], file: str
) -> list[TensorSpec]:
    """The inputs as callers see them.

    Errors: FAILED_PRECONDITION where one is of a type that cannot be sent, or has no fixed number of axes.
    """
    specs = []
    for port in ports:
        value = model.inputs[port.number]
        if not known(value):
            raise DragomanError(
                Code.FAILED_PRECONDITION,
                f'{file} does not load: its input "{port.name}" is of type {kind(value)}',
            )
        made = spec(value, port, layouts)
        if made.shape is None:
            raise DragomanError(
                Code.FAILED_PRECONDITION,
                f'{file} does not load: its input "{port.name}" has no fixed number of axes, which OpenVINO '
                f'wants; options.shape can give one, such as "(-1,3)"',
            )
        specs.append(made)
    return specs


def output_specs(model: Any, ports: Sequence[Port], layouts: Mapping[Port, str]) -> list[TensorSpec]:
    """The outputs as callers see them."""
    return [spec(model.outputs[port.number], port, layouts) for port in ports]


def spec(value: Any, port: Port, layouts: Mapping[Port, str]) -> TensorSpec:
    """One input or output; a range of sizes is any size to callers."""
    partial = value.partial_shape
    shape: Shape | None = None
    ranges: tuple[Range | None, ...] = ()
    if not partial.rank.is_dynamic:
        sizes = tuple(sizes_of(partial))
        shape = tuple(size if isinstance(size, int) else None for size in sizes)
        ranges = tuple(size if isinstance(size, tuple) else None for size in sizes)
    return TensorSpec(
        name=port.name,
        dtype=DTYPES[kind(value)],
        shape=shape,
        source=port.name,
        layout=layouts.get(port),
        graph_name=port.name if ":" in port.name else None,  # TensorFlow's names come with their number
        ranges=ranges if any(ranges) else (),
    )


def known(value: Any) -> bool:
    """Whether tensors of an input's or output's type can be sent."""
    return kind(value) in DTYPES


def kind(value: Any) -> str:
    """The name of an input's or output's type."""
    return str(value.element_type.get_type_name())


def is_text(value: Any) -> bool:
    """Whether an input or output holds strings."""
    return kind(value) == TEXT


def sizes_of(partial: Any) -> Iterator[Size]:
    """The sizes of a partial shape."""
    for size in partial:
        low, high = size.min_length, size.max_length
        if low == high:
            yield int(low)
        else:
            yield (int(low), int(high)) if high >= 0 else None
