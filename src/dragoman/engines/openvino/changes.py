"""What options change in a model before it is compiled: the order of axes first, then sizes.

So sizes are said as callers see them, as in OpenVINO Model Server.
"""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import structlog

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.layouts import batch_axis
from dragoman.engines.openvino.describe import Port, sizes_of
from dragoman.engines.openvino.layouts import Layout, parse_layout, suits
from dragoman.engines.openvino.options import OpenVinoOptions
from dragoman.engines.openvino.sizes import (
    AS_IN_MODEL,
    Size,
    Sizes,
    parse_batch_size,
    parse_shape,
    show_sizes,
)


class Wishes:
    """What `layout`, `shape` and `batch_size` say, checked as far as that goes without the model.

    Errors: INVALID_ARGUMENT naming the option.
    """

    def __init__(self, options: OpenVinoOptions) -> None:
        self.batch = parse_batch_size(options.batch_size)
        self.shapes = {
            name: parse_shape(text, key("shape", name)) for name, text in by_name(options.shape).items()
        }
        self.layouts = {
            name: parse_layout(text, key("layout", name)) for name, text in by_name(options.layout).items()
        }
        if self.shapes and self.batch != AS_IN_MODEL:
            structlog.get_logger("dragoman.engines.openvino").warning(
                "options.batch_size has no effect", why="options.shape says more"
            )
            self.batch = AS_IN_MODEL


def by_name(option: str | Mapping[str, str]) -> Mapping[str | None, str]:
    """An option by tensor; None = the only input."""
    if isinstance(option, str):
        return {None: option} if option else {}
    return dict(option.items())


def key(option: str, name: str | None) -> str:
    """What a message calls an entry."""
    return f"options.{option}" if name is None else f"options.{option}.{name}"


def find(name: str | None, option: str, inputs: Sequence[Port], outputs: Sequence[Port] = ()) -> list[Port]:
    """The input and the output that an entry speaks of.

    Errors: INVALID_ARGUMENT where there is none, or more than one for an entry without a name.
    """
    names = ", ".join(port.name for port in (*inputs, *outputs))
    if name is None:
        if len(inputs) != 1:
            raise invalid(f"options.{option}: say it by name, as the model has several inputs: {names}")
        return [inputs[0]]
    ports = (*inputs, *outputs)
    found = [port for port in ports if port.name == name] or [port for port in ports if name in port.names]
    if not found:
        raise invalid(f"options.{option}: the model has no {name!r}; it has {names}")
    return found


def apply_layouts(
    runtime: ModuleType, model: Any, wishes: Wishes, inputs: Sequence[Port], outputs: Sequence[Port]
) -> tuple[Any, dict[Port, str]]:
    """The model with axes as callers send and get them, and the layouts that are known, by tensor.

    Errors: INVALID_ARGUMENT for a layout that does not fit.
    """
    known = own_layouts(runtime, model, inputs)
    wanted = [
        (port, layout)
        for name, layout in wishes.layouts.items()
        for port in find(name, "layout", inputs, outputs)
    ]
    steps = runtime.preprocess.PrePostProcessor(model)
    for port, layout in wanted:
        side, step = (model.inputs, steps.input) if port.is_input else (model.outputs, steps.output)
        check_layout(port, layout, side[port.number])
        known[port] = layout.callers
        info = step(port.number)
        info.tensor().set_layout(runtime.Layout(layout.callers))
        info.model().set_layout(runtime.Layout(layout.models))
    if any(layout.callers != layout.models for _, layout in wanted):
        try:
            model = steps.build()
        except Exception as error:
            shown = ", ".join(f"{port.name} {layout}" for port, layout in wanted)
            raise refused("options.layout: the model does not take this", shown, error) from error
    return model, known


def own_layouts(runtime: ModuleType, model: Any, inputs: Sequence[Port]) -> dict[Port, str]:
    """The layouts that the file itself says."""
    found = {}
    for port in inputs:
        layout = runtime.layout_helpers.get_layout(model.inputs[port.number])
        if not layout.empty:
            found[port] = layout.to_string().strip("[]").replace(",", "")
    return found


def check_layout(port: Port, layout: Layout, value: Any) -> None:
    """Nothing, if the tensor has as many axes as the layout.

    Errors: INVALID_ARGUMENT.
    """
    partial = value.partial_shape
    if partial.rank.is_dynamic:
        return
    sizes = list(sizes_of(partial))
    for side in (layout.callers, layout.models):
        if not suits(side, len(sizes)):
            raise invalid(f'options.layout: {side} does not fit "{port.name}", which is {show_sizes(sizes)}')


def apply_sizes(
    runtime: ModuleType, model: Any, wishes: Wishes, inputs: Sequence[Port], layouts: Mapping[Port, str]
) -> None:
    """Give the model's inputs the sizes that are wished for.

    Errors: INVALID_ARGUMENT for an input that there is not, or sizes that the model does not take.
    """
    wanted = wished_shapes(model, wishes, inputs)
    if wishes.batch != AS_IN_MODEL:
        wanted = batched(model, wishes.batch, inputs, layouts)
    if not wanted:
        return
    shapes = {
        model.inputs[port.number]: runtime.PartialShape([dimension(runtime, size) for size in sizes])
        for port, sizes in wanted
    }
    try:
        model.reshape(shapes)
    except Exception as error:
        option = "batch_size" if wishes.batch != AS_IN_MODEL else "shape"
        shown = ", ".join(f"{port.name} {show_sizes(sizes)}" for port, sizes in wanted)
        raise refused(f"options.{option}: the model cannot be reshaped to this", shown, error) from error


def wished_shapes(model: Any, wishes: Wishes, inputs: Sequence[Port]) -> list[tuple[Port, Sizes]]:
    """What `options.shape` says, by input."""
    wanted = []
    for name, sizes in wishes.shapes.items():
        all_of_them = name is None and sizes is None
        for port in inputs if all_of_them else find(name, "shape", inputs):
            rank = model.inputs[port.number].partial_shape.rank
            if sizes is not None:
                wanted.append((port, sizes))
            elif not rank.is_dynamic:
                wanted.append((port, (None,) * rank.get_length()))
    return wanted


def batched(
    model: Any, batch: Size, inputs: Sequence[Port], layouts: Mapping[Port, str]
) -> list[tuple[Port, Sizes]]:
    """The inputs that have a batch axis, with this size there.

    Errors: INVALID_ARGUMENT where none has one.
    """
    wanted = []
    for port in inputs:
        partial = model.inputs[port.number].partial_shape
        if partial.rank.is_dynamic:
            continue
        sizes = list(sizes_of(partial))
        axis = batch_axis(layouts.get(port), len(sizes))
        if axis is not None:
            sizes[axis] = batch
            wanted.append((port, tuple(sizes)))
    if not wanted:
        raise invalid("options.batch_size: no input of the model has a batch axis, an N in its layout")
    return wanted


def dimension(runtime: ModuleType, size: Size) -> Any:
    """A size as OpenVINO has it."""
    if isinstance(size, tuple):
        return runtime.Dimension(*size)
    return runtime.Dimension(-1 if size is None else size)


def refused(what: str, shown: str, error: Exception) -> DragomanError:
    """INVALID_ARGUMENT for what OpenVINO does not do; its own words go to the log."""
    structlog.get_logger("dragoman.engines.openvino").error("an option was refused", cause=str(error))
    return invalid(f"{what}: {shown}")
