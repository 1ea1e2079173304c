"""A converter's graph between the inputs and outputs that the source's engine has.

Converters choose names, types and shapes of their own. Here the graph gets those by which the source is
served, so that its clients need not know of the change.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from dragoman.convert.messages import Port
from dragoman.convert.packages import required
from dragoman.core.tensors import DType

INNER = "inner/"  # before the names of the converter's own
LEAST_OPSET = 13


class Feed(Struct, frozen=True):
    """How an input of the converter's graph is made: of one input, or of several columns side by side.

    `dtype` = what the converter's graph takes; `rows` = whether inputs are rows of a table, of which a list
    of numbers is a column.
    """

    inner: str
    ports: Sequence[Port]
    dtype: DType
    rows: bool = True


class Take(Struct, frozen=True):
    """How an output is made of one of the converter's: its one `column`, or the place of the `best`.

    `flat` = as one value for each row.
    """

    port: Port
    inner: str
    column: int | None = None
    best: bool = False
    flat: bool = False


class Wrapping:
    """Nodes around a converter's graph."""

    def __init__(self, model: Any) -> None:
        self._onnx = required("onnx")
        self._helper = required("onnx.helper")
        self.model = required("onnx.compose").add_prefix(model, INNER)
        self._count = 0
        self.before: list[Any] = []
        self.after: list[Any] = []

    def node(
        self, where: list[Any], kind: str, inputs: Sequence[str], output: str = "", **fields: Any
    ) -> str:
        """One more node; the name of what it gives."""
        self._count += 1
        name = output or f"outer/{self._count}"
        where.append(
            self._helper.make_node(kind, list(inputs), [name], name=f"outer/{kind}/{self._count}", **fields)
        )
        return name

    def constant(self, values: Sequence[int]) -> str:
        """The name of a list of numbers in the file."""
        self._count += 1
        name = f"outer/{self._count}"
        tensor = self._onnx.numpy_helper.from_array(np.array(values, np.int64), name)
        self.model.graph.initializer.append(tensor)
        return name

    def feed(self, feed: Feed) -> None:
        """Make one of the converter's inputs."""
        target = INNER + feed.inner
        parts = []
        for port in feed.ports:
            name = port.name
            if feed.rows and len(port.shape or ()) == 1:
                name = self.node(self.before, "Reshape", [name, self.constant([-1, 1])])
            if port.dtype is not feed.dtype:
                name = self.node(self.before, "Cast", [name], to=self.element(feed.dtype))
            parts.append(name)
        if len(parts) == 1:
            self.node(self.before, "Identity", parts, target)
        else:
            self.node(self.before, "Concat", parts, target, axis=1)

    def take(self, take: Take, inner: DType) -> None:
        """Make one output; `inner` = the type that the converter gives."""
        name = INNER + take.inner
        if take.best:
            name, inner = self.node(self.after, "ArgMax", [name], axis=1, keepdims=0), DType.INT64
        elif take.column is not None:
            name = self.node(self.after, "Gather", [name, self.constant([take.column])], axis=1)
        if take.port.dtype is not inner or inner.is_float:  # converters may declare another than they give
            name = self.node(self.after, "Cast", [name], to=self.element(take.port.dtype))
        if take.flat or len(take.port.shape or ()) == 1:
            name = self.node(self.after, "Reshape", [name, self.constant([-1])])
        self.node(self.after, "Identity", [name], take.port.name)

    def element(self, dtype: DType) -> int:
        """ONNX's number of a type."""
        number: int = element(dtype)
        return number


def element(dtype: DType) -> int:
    """ONNX's number of a type."""
    tensors = required("onnx").TensorProto
    if dtype is DType.BYTES:
        return int(tensors.STRING)
    return int(
        tensors.BFLOAT16
        if dtype is DType.BF16
        else required("onnx.helper").np_dtype_to_tensor_dtype(dtype.numpy)
    )


def wrapped(model: Any, feeds: Sequence[Feed], takes: Sequence[Take]) -> Any:
    """The graph with the source's inputs and outputs."""
    given = {value.name: dtype_of(value) for value in model.graph.output}
    made = Wrapping(model)
    for feed in feeds:
        made.feed(feed)
    for take in takes:
        made.take(take, given[take.inner])
    graph = made.model.graph
    nodes = [*made.before, *graph.node, *made.after]
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend(nodes)
    graph.input.extend(value_info(port, feed.rows) for feed in feeds for port in feed.ports)
    rows = all(feed.rows for feed in feeds)
    graph.output.extend(value_info(take.port, rows) for take in takes)
    versions = {entry.domain: entry.version for entry in made.model.opset_import}
    versions[""] = max(versions.get("", 0), LEAST_OPSET) if "" not in versions else versions[""]
    del made.model.opset_import[:]
    helper = required("onnx.helper")
    made.model.opset_import.extend(helper.make_opsetid(domain, number) for domain, number in versions.items())
    return made.model


def value_info(port: Port, rows: bool) -> Any:
    """An input or output of the file; of tables the first axis is the rows, the same for all."""
    names = "rows" if rows else None
    shape = None
    if port.shape is not None:
        shape = [names if size is None and not axis else size for axis, size in enumerate(port.shape)]
    return required("onnx.helper").make_tensor_value_info(port.name, element(port.dtype), shape)


def dtype_of(value: Any) -> DType:
    """The type of a value of a graph."""
    number = value.type.tensor_type.elem_type
    return next(dtype for dtype in DType if element(dtype) == number)
