"""Random ONNX models, as nets of a few operators whose values stay small, with random inputs for them.

A model is built up from its input `x`. Each step takes the value that came last, or an earlier one besides,
and gives the next. Every float stays within some tens, so that what one engine rounds otherwise than another
is not blown up on the way.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from dragoman.core.tensors import Array, DType
from tests.unit.engines import graphs

BATCH = "N"
WIDTHS = st.integers(1, 9)
FLOAT_UNARY = ("Relu", "Sigmoid", "Tanh", "Abs", "Neg", "LeakyRelu", "Elu", "Erf", "HardSigmoid", "Softmax")
INTEGER_UNARY = ("Abs", "Neg")
FLOAT_WITH_CONSTANT = ("Add", "Sub", "Mul", "Div", "Max", "Min")
INTEGER_WITH_CONSTANT = ("Add", "Sub", "Max", "Min")
REDUCTIONS = ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2")
POOLS = ("AveragePool", "MaxPool")


class Value(NamedTuple):
    """A tensor on its way through the model; `shape` without its rows."""

    name: str
    shape: tuple[int, ...]


class RandomModel(NamedTuple):
    """A model, and batches for its input `x`."""

    proto: onnx.ModelProto
    dtype: DType
    batches: list[Array]


class Builder:
    """A graph that grows at its end. `draw` makes the choices."""

    def __init__(self, draw: Callable[[Any], Any], dtype: DType, shape: tuple[int, ...], seed: int) -> None:
        self.draw = draw
        self.dtype = dtype
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.values = [Value("x", shape)]

    @property
    def last(self) -> Value:
        return self.values[-1]

    def constant(self, array: Array) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def weights(self, *shape: int) -> str:
        """Numbers that keep what they weigh about as large as it was."""
        scale = max(int(np.prod(shape[:-1])), 1) ** 0.5
        return self.constant((self.random.standard_normal(shape) / scale).astype(np.float32))

    def add(self, operator: str, inputs: list[str], shape: tuple[int, ...], **attributes: Any) -> Value:
        made = Value(f"v{len(self.nodes)}", shape)
        self.nodes.append(helper.make_node(operator, inputs, [made.name], **attributes))
        self.values.append(made)
        return made

    def earlier(self) -> Value:
        """A value of the last one's shape."""
        return self.draw(st.sampled_from([one for one in self.values if one.shape == self.last.shape]))


def unary(build: Builder) -> None:
    names = FLOAT_UNARY if build.dtype.is_float else INTEGER_UNARY
    operator = build.draw(st.sampled_from(names))
    build.add(operator, [build.last.name], build.last.shape)


def with_constant(build: Builder) -> None:
    operator = build.draw(
        st.sampled_from(FLOAT_WITH_CONSTANT if build.dtype.is_float else INTEGER_WITH_CONSTANT)
    )
    width = build.draw(st.sampled_from([1, build.last.shape[-1]]))
    if build.dtype.is_float:
        array = (build.random.random(width) + 0.5).astype(np.float32)
    else:
        array = build.random.integers(-9, 9, width).astype(build.dtype.numpy)
    build.add(operator, [build.last.name, build.constant(array)], build.last.shape)


def with_earlier(build: Builder) -> None:
    operator = build.draw(st.sampled_from(["Add", "Sub", "Max"]))
    build.add(operator, [build.last.name, build.earlier().name], build.last.shape)


def gate(build: Builder) -> None:
    last, other = build.last, build.earlier()
    if not build.dtype.is_float:
        return
    opened = build.add("Sigmoid", [other.name], other.shape)
    build.add("Mul", [last.name, opened.name], last.shape)


def dense(build: Builder) -> None:
    last = build.last
    if not build.dtype.is_float or len(last.shape) != 1:
        return
    width = build.draw(WIDTHS)
    weights = build.weights(*last.shape, width)
    if build.draw(st.booleans()):
        build.add("MatMul", [last.name, weights], (width,))
    else:
        build.add("Gemm", [last.name, weights, build.weights(width)], (width,))


def reduce(build: Builder) -> None:
    # Of integers, OpenVINO 2026.4 gets the last ones wrong where an operator by element follows.
    if not build.dtype.is_float:
        return
    operator = build.draw(st.sampled_from(REDUCTIONS))
    last = build.last
    build.add(operator, [last.name], (*last.shape[:-1], 1), axes=[-1], keepdims=1)


def concat(build: Builder) -> None:
    last = build.last
    others = [one for one in build.values if one.shape[:-1] == last.shape[:-1]]
    other = build.draw(st.sampled_from(others))
    width = last.shape[-1] + other.shape[-1]
    build.add("Concat", [last.name, other.name], (*last.shape[:-1], width), axis=-1)


def cut(build: Builder) -> None:
    last = build.last
    end = build.draw(st.integers(1, last.shape[-1]))
    bounds = [build.constant(np.array([number], np.int64)) for number in (0, end, len(last.shape))]
    build.add("Slice", [last.name, *bounds], (*last.shape[:-1], end))


def convolve(build: Builder) -> None:
    last = build.last
    if not build.dtype.is_float or len(last.shape) != 3:
        return
    channels = build.draw(WIDTHS)
    scale = (last.shape[0] * 9) ** -0.5
    weights = build.random.standard_normal((channels, last.shape[0], 3, 3)) * scale
    name = build.constant(weights.astype(np.float32))
    build.add("Conv", [last.name, name], (channels, *last.shape[1:]), pads=[1, 1, 1, 1])


def pool(build: Builder) -> None:
    last = build.last
    if not build.dtype.is_float or len(last.shape) != 3 or min(last.shape[1:]) < 2:
        return
    operator = build.draw(st.sampled_from(POOLS))
    size = tuple(side // 2 for side in last.shape[1:])
    build.add(operator, [last.name], (last.shape[0], *size), kernel_shape=[2, 2], strides=[2, 2])


def flatten(build: Builder) -> None:
    last = build.last
    build.add("Flatten", [last.name], (int(np.prod(last.shape)),), axis=1)


STEPS = (unary, with_constant, with_earlier, gate, dense, reduce, concat, cut, convolve, pool, flatten)


@st.composite
def random_models(draw: Callable[[Any], Any]) -> RandomModel:
    """A model of one to eight steps over rows of numbers or images, with one output or two."""
    dtype = draw(st.sampled_from([DType.FP32, DType.FP32, DType.INT32, DType.INT64]))
    shape = draw(
        st.one_of(
            st.tuples(WIDTHS),
            st.tuples(st.integers(1, 4), st.integers(1, 6)),
            st.tuples(st.integers(1, 4), st.integers(2, 8), st.integers(2, 8)),
        )
    )
    seed = draw(st.integers(0, 2**32 - 1))
    build = Builder(draw, dtype, shape, seed)
    for step in draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=8)):
        step(build)
    if build.last.name == "x":
        unary(build)
    others = st.sampled_from(build.values[1:])
    outputs = {build.last, *draw(st.lists(others, max_size=1))}
    proto = graphs.graph(
        build.nodes,
        [graphs.value("x", dtype, [BATCH, *shape])],
        [graphs.value(one.name, dtype, [BATCH, *one.shape]) for one in sorted(outputs)],
        build.constants,
    )
    rows = draw(st.lists(st.sampled_from([1, 1, 2, 3, 17]), min_size=1, max_size=4))
    return RandomModel(proto, dtype, [made_up(build.random, dtype, (count, *shape)) for count in rows])


def made_up(random: np.random.Generator, dtype: DType, shape: tuple[int, ...]) -> Array:
    """Values for an input."""
    if dtype.is_float:
        return random.standard_normal(shape).astype(dtype.numpy)
    return random.integers(-99, 99, shape).astype(dtype.numpy)
