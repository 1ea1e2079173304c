"""Small SavedModels, made on the spot, in TensorFlow 1's way and in TensorFlow 2's."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

from dragoman.core.tensors import DType

v1: Final = tf.compat.v1
tf.get_logger().setLevel("ERROR")

Tensors = Mapping[str, Any]
SERVE: Final = "serve"
TF_NAMES: Final = {DType.BYTES: "string"}


def predict(inputs: Tensors, outputs: Tensors) -> Any:
    """A SignatureDef of predict."""
    return v1.saved_model.predict_signature_def(dict(inputs), dict(outputs))


def write_graph(
    folder: Path,
    build: Callable[[], Mapping[str, Any]],
    *,
    tags: tuple[str, ...] = (SERVE,),
    as_text: bool = False,
) -> Path:
    """A SavedModel of TensorFlow 1 whose graph and signatures `build` makes. Tables are filled at load."""
    graph = tf.Graph()
    with graph.as_default(), v1.Session(graph=graph) as session:
        signatures = build()
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session,
            list(tags),
            signature_def_map=dict(signatures),
            assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
            main_op=v1.tables_initializer(),
        )
        builder.save(as_text=as_text)
    return folder / ("saved_model.pbtxt" if as_text else "saved_model.pb")


def half_plus_two(offset: float = 2.0, row: tuple[int, ...] = (1,)) -> Mapping[str, Any]:
    """TensorFlow Serving's own test model: y = x / 2 + offset, x a tensor or a feature of Examples.

    Each row has the shape `row`. With (1,), TensorFlow Serving's own, the graph takes any; with () no other.
    """
    half, more = (
        v1.get_variable(name, initializer=value, use_resource=False)
        for name, value in (("a", 0.5), ("b", offset))
    )
    serialized = v1.placeholder(tf.string, [None], "tf_example")
    features = {
        "x": tf.io.FixedLenFeature(row, tf.float32),
        "x2": tf.io.FixedLenFeature(row, tf.float32, default_value=np.zeros(row)),
    }
    parsed = v1.io.parse_example(serialized, features)
    x = tf.identity(parsed["x"], "x")
    x2 = tf.identity(parsed["x2"], "x2")
    y = tf.add(tf.multiply(half, x if row else tf.ensure_shape(x, [None])), more, "y")
    y3 = tf.add(tf.multiply(half, x2), more + 1.0, "y3")
    make = v1.saved_model
    return {
        "serving_default": predict({"x": x}, {"y": y}),
        "regress_x_to_y": make.regression_signature_def(serialized, y),
        "regress_x2_to_y3": make.regression_signature_def(serialized, y3),
        "classify_x_to_y": make.classification_signature_def(serialized, None, y),
    }


def placeholder(dtype: DType, shape: list[int | None] | None, name: str) -> Any:
    """An input."""
    return v1.placeholder(tf.as_dtype(TF_NAMES.get(dtype, dtype.value)), shape, name)


def echo(dtype: DType) -> Mapping[str, Any]:
    """Output y equals input x, of any shape."""
    x = placeholder(dtype, None, "x")
    return {"serving_default": predict({"x": x}, {"y": tf.identity(x, "y")})}


def pair() -> Mapping[str, Any]:
    """Outputs c and d equal inputs a and b, whose shapes the graph itself looks at."""
    a, b = placeholder(DType.FP32, [None, 3], "a"), placeholder(DType.INT64, [None], "b")
    c, d = tf.ensure_shape(a, [None, 3], "c"), tf.ensure_shape(b, [None], "d")
    return {"serving_default": predict({"a": a, "b": b}, {"c": c, "d": d})}
