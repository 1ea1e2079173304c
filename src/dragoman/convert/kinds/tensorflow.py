"""SavedModels, through tf2onnx: one signature, the default one or the only one."""

import os
from collections.abc import Callable
from typing import Any, Final

from dragoman.convert.graph import Feed, Take, dtype_of, wrapped
from dragoman.convert.messages import Done, Form, Order
from dragoman.convert.packages import required
from dragoman.core.errors import Code, DragomanError
from dragoman.core.signatures import DEFAULT_SIGNATURE

FILE: Final = "0.onnx"
NAME: Final = "the precision of the source"
OPSET: Final = 18
SERVE: Final = "serve"  # the tag of what is served


def convert(order: Order, say: Callable[[str], None]) -> Done:
    """The model's file.

    Errors: FAILED_PRECONDITION for several signatures without a default one, and for a missing package; what
    tf2onnx raises.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    name = chosen(order)
    convert_graph: Any = required("tf2onnx.convert")
    loader: Any = required("tf2onnx.tf_loader")
    folder = order.path if os.path.isdir(order.path) else os.path.dirname(order.path)
    say("reading the SavedModel")
    graph, inputs, outputs, tables, to_rename = loader.from_saved_model(
        folder,
        None,
        None,
        tag=SERVE,
        signatures=[name],
        return_initialized_tables=True,
        return_tensors_to_rename=True,
    )
    say(f"converting {name} to ONNX")
    model, _ = convert_graph._convert_common(
        graph,
        name=name,
        opset=OPSET,
        input_names=inputs,
        output_names=outputs,
        tensors_to_rename=to_rename,
        initialized_tables=tables,
    )
    shown = order.signatures[name]
    given = {value.name.partition(":")[0]: value for value in (*model.graph.input, *model.graph.output)}
    feeds = [
        Feed(given[port.name].name, (port,), dtype_of(given[port.name]), rows=False) for port in shown.inputs
    ]
    takes = [Take(port, given[port.name].name) for port in shown.outputs]
    model = wrapped(model, feeds, takes)
    required("onnx").save(model, os.path.join(order.folder, FILE))
    return Done((Form(FILE, NAME),), signatures=(name,))


def chosen(order: Order) -> str:
    """The signature that is converted.

    Errors: FAILED_PRECONDITION.
    """
    names = list(order.signatures)
    if DEFAULT_SIGNATURE in names:
        return DEFAULT_SIGNATURE
    if len(names) == 1:
        return names[0]
    raise DragomanError(
        Code.FAILED_PRECONDITION,
        f"the SavedModel has the signatures {', '.join(names)} and no {DEFAULT_SIGNATURE}: ONNX has just one",
    )
