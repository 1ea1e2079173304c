"""PyTorch's exported programs, TorchScript, and classes with their weights, through torch.onnx."""

import os
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from dragoman.convert.graph import Feed, Take, dtype_of, wrapped
from dragoman.convert.messages import Done, Form, Order, Port, Shown
from dragoman.convert.packages import required
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.tensors import DType
from dragoman.engines.options import read_options
from dragoman.engines.torch.engine import load_program
from dragoman.engines.torch.options import TorchOptions
from dragoman.engines.torch.program import Program

FILE: Final = "0.onnx"
EXPORTED: Final = ".pt2"
NAME: Final = "the precision of the source"
OPEN_SIZES: Final = (2, 3)  # of an open first axis, and of others, in the example


def convert(order: Order, say: Callable[[str], None]) -> Done:
    """The model's file.

    Errors: those of the engine; what torch.onnx raises.
    """
    runtime: Any = required("torch")
    required("onnxscript")
    say(f"reading {os.path.basename(order.path)}")
    program = load_program(runtime, order.path, read_options(order.options, TorchOptions, "torch"), None)
    say("converting to ONNX")
    raw = os.path.join(order.folder, "raw.onnx")
    shown = order.signatures[DEFAULT_SIGNATURE]
    export(runtime, program, order.path, shown, raw)
    onnx = required("onnx")
    model = onnx.load(raw)
    os.unlink(raw)
    model = wrapped(model, *ports(model, shown))
    onnx.save(model, os.path.join(order.folder, FILE))
    return Done((Form(FILE, NAME),))


def export(runtime: Any, program: Program, path: str, shown: Shown, file: str) -> None:
    """Write what torch.onnx makes of the model."""
    if path.endswith(EXPORTED):
        made = runtime.onnx.export(runtime.export.load(path), dynamo=True, verbose=False)
        made.save(file, external_data=False)
        return
    examples = {port.name: example(runtime, port) for port in shown.inputs}
    if isinstance(program.module, runtime.jit.ScriptModule):
        runtime.onnx.export(
            program.module,
            tuple(examples.values()),
            file,
            dynamo=False,
            input_names=list(examples),
            output_names=[port.name for port in shown.outputs],
            dynamic_axes={port.name: open_axes(port) for port in (*shown.inputs, *shown.outputs)},
        )
        return
    shapes = {port.name: dict.fromkeys(open_axes(port), runtime.export.Dim.AUTO) for port in shown.inputs}
    exported = runtime.export.export(program.module, (), kwargs=examples, dynamic_shapes=shapes)
    runtime.onnx.export(exported, dynamo=True, verbose=False).save(file, external_data=False)


def open_axes(port: Port) -> list[int]:
    """The axes of any size."""
    return [axis for axis, size in enumerate(port.shape or ()) if size is None]


def example(runtime: Any, port: Port) -> Any:
    """A tensor that fits."""
    sizes = [OPEN_SIZES[axis > 0] if size is None else size for axis, size in enumerate(port.shape or ())]
    made = np.ones(sizes, np.float32)
    return runtime.from_numpy(made).to(getattr(runtime, port.dtype.value))


def ports(model: Any, shown: Shown) -> tuple[list[Feed], list[Take]]:
    """The graph's inputs and outputs are the engine's, in their order."""
    held = {value.name for value in model.graph.initializer}
    inputs: Sequence[Any] = [value for value in model.graph.input if value.name not in held]
    feeds = [
        Feed(value.name, (port,), dtype_of(value), rows=False)
        for value, port in zip(inputs, shown.inputs, strict=True)
    ]
    pairs = zip(model.graph.output, shown.outputs, strict=True)
    return feeds, [Take(port, value.name) for value, port in pairs]


NUMBERS: Final = DType
