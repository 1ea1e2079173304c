"""From a model as it was read to the plan of its calls."""

import os
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any, Final

import numpy as np

from dragoman.core.layouts import batch_axis
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature, TensorSpec
from dragoman.core.tensors import DType
from dragoman.engines.openvino.changes import Wishes, apply_layouts, apply_sizes
from dragoman.engines.openvino.describe import (
    drop_outputs_that_cannot_be_sent,
    each_name_once,
    input_ports,
    input_specs,
    is_text,
    output_ports,
    output_specs,
    read_mapping,
    sizes_of,
    warn_of_unknown_names,
)
from dragoman.engines.openvino.model import Output, Plan
from dragoman.engines.openvino.requests import Kind
from dragoman.engines.openvino.sizes import Sizes, fits
from dragoman.engines.openvino.text import PARTS

PLACE: Final = np.dtype(np.int32)
DATA: Final = Kind(np.dtype(np.uint8), (None,))


def make_plan(runtime: ModuleType, model: Any, wishes: Wishes, path: str) -> tuple[Any, Plan]:
    """The model with what the options change in it, and how its signature is called.

    Errors: INVALID_ARGUMENT for an option that it does not take; FAILED_PRECONDITION for tensors that cannot
    be sent.
    """
    folder, file = os.path.split(path)
    mapping = read_mapping(folder)
    drop_outputs_that_cannot_be_sent(model, output_ports(model, mapping.outputs), file)
    inputs, outputs = input_ports(model, mapping.inputs), output_ports(model, mapping.outputs)
    warn_of_unknown_names(mapping.inputs, inputs)
    warn_of_unknown_names(mapping.outputs, outputs)
    model, layouts = apply_layouts(runtime, model, wishes, inputs, outputs)
    apply_sizes(runtime, model, wishes, inputs, layouts)
    taken = input_specs(model, inputs, layouts, file)
    once = each_name_once(outputs)
    given = output_specs(model, once, layouts)
    sizes = {port.name: tuple(sizes_of(model.inputs[port.number].partial_shape)) for port in inputs}
    has_text = any(map(is_text, model.inputs))
    where = places([is_text(value) for value in model.outputs])
    plan = Plan(
        Signature(
            name=DEFAULT_SIGNATURE,
            inputs={spec.name: spec for spec in taken},
            outputs={spec.name: spec for spec in given},
        ),
        tuple(kinds(taken, sizes)),
        sizes,
        tuple(
            Output(spec.name, spec.dtype, where[port.number]) for spec, port in zip(given, once, strict=True)
        ),
        () if has_text else one_row([(sizes[port.name], layouts.get(port)) for port in inputs]),
    )
    return model, plan


def one_row(inputs: Sequence[tuple[Sizes, str | None]]) -> tuple[tuple[int, ...], ...]:
    """The shapes of inputs that have one row, by their sizes and layouts.

    Empty where a size is open that is no number of rows, or none is.
    """
    shapes = []
    for sizes, layout in inputs:
        axis = batch_axis(layout, len(sizes))
        shape = []
        for number, size in enumerate(sizes):
            if not isinstance(size, int) and (number != axis or not fits(1, size)):
                return ()
            shape.append(size if isinstance(size, int) else 1)
        shapes.append(tuple(shape))
    return () if shapes == [sizes for sizes, _ in inputs] else tuple(shapes)


def places(texts: Sequence[bool]) -> list[tuple[int, ...]]:
    """The numbers of a model's outputs once strings are numbers, for each output as it was."""
    plain, text = 0, len(texts) - sum(texts)
    found: list[tuple[int, ...]] = []
    for is_one in texts:
        if is_one:
            found.append(tuple(range(text, text + PARTS)))
            text += PARTS
        else:
            found.append((plain,))
            plain += 1
    return found


def kinds(specs: Sequence[TensorSpec], sizes: dict[str, Sizes]) -> Iterator[Kind]:
    """What the inputs of the compiled model take."""
    for spec in specs:
        if spec.dtype is not DType.BYTES:
            yield Kind(spec.dtype.numpy, sizes[spec.name])
    for spec in specs:
        if spec.dtype is DType.BYTES:
            yield from (Kind(PLACE, sizes[spec.name]), Kind(PLACE, sizes[spec.name]), DATA)
