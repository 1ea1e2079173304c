"""scikit-learn's estimators, through skl2onnx.

An estimator computes in float64, but its trees in float32: they round each value first, and a value beside
a threshold takes the one branch or the other by that. So there is one form in float64, one in which only the
last step is float32 where that is made of trees, and one in float32 throughout.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np

from dragoman.convert.graph import Feed, Take, wrapped
from dragoman.convert.hints import hints_of
from dragoman.convert.messages import Done, Form, Order, Port, Shown
from dragoman.convert.packages import required
from dragoman.convert.protobuf import exact_attributes
from dragoman.core.tensors import DType
from dragoman.engines.sklearn.engine import read_pickle, read_skops
from dragoman.engines.table_model import PROBABILITIES
from dragoman.engines.tables import MATRIX

DOUBLE: Final = "float64"
MIXED: Final = "float64, trees in float32"
SINGLE: Final = "float32"
MATRIX_NAME: Final = "X"
LOCALE: Final = "C.UTF-8"
OPSETS: Final = {"": 15, "ai.onnx.ml": 3}  # what the converters of boosters know, too


def convert(order: Order, say: Callable[[str], None]) -> Done:
    """The estimator's files.

    Errors: FAILED_PRECONDITION for a missing package; what skl2onnx raises where no form can be made.
    """
    required("skl2onnx")
    exact_attributes()
    read = read_pickle if order.engine == "sklearn" else read_skops
    say(f"reading {os.path.basename(order.path)}")
    estimator = read(order.path, order.engine)
    register_boosters()
    forget_names(estimator)
    forms = []
    failure: Exception | None = None
    for number, (name, made_of, dtype) in enumerate(variants(estimator)):
        say(f"converting to ONNX ({name})")
        try:
            model = converted(made_of, dtype, order.signatures)
        except Exception as error:
            failure = failure or error
            continue
        file = f"{number}.onnx"
        required("onnx").save(model, os.path.join(order.folder, file))
        forms.append(Form(file, name))
    if not forms and failure is not None:
        raise failure
    return Done(tuple(forms), hints_of(estimator))


def variants(estimator: Any) -> Iterator[tuple[str, Any, DType]]:
    """What can be converted, the most exact first."""
    forest = is_forest(estimator)
    steps = getattr(estimator, "steps", None)
    if steps and len(steps) > 1 and is_forest(steps[-1][1]):
        cast = required("skl2onnx.sklapi").CastTransformer(dtype=np.float32)
        yield MIXED, type(estimator)([*steps[:-1], ("dragoman_cast", cast), steps[-1]]), DType.FP64
    if not forest:
        yield DOUBLE, estimator, DType.FP64
    yield SINGLE, estimator, DType.FP32


def is_forest(estimator: Any) -> bool:
    """Whether it is made of trees, which round what they are given to float32 or are converted so."""
    module = type(estimator).__module__
    ensemble = hasattr(estimator, "estimators_") and module.startswith("sklearn.ensemble")
    return hasattr(estimator, "tree_") or ensemble or module.startswith(("xgboost", "lightgbm"))


def converted(estimator: Any, dtype: DType, signatures: dict[str, Shown]) -> Any:
    """The estimator as ONNX, with the inputs and outputs that its engine has."""
    inputs = next(iter(signatures.values())).inputs
    feeds = feeds_of(estimator, inputs, dtype)
    types = required("skl2onnx.common.data_types")
    kinds = {
        DType.FP64: types.DoubleTensorType,
        DType.FP32: types.FloatTensorType,
        DType.BYTES: types.StringTensorType,
    }
    initial = [
        (feed.inner, kinds[feed.dtype]([None, sum(width(port) for port in feed.ports)])) for feed in feeds
    ]
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "classes_") else None
    convert_model = required("skl2onnx").convert_sklearn
    model = convert_model(estimator, initial_types=initial, options=options, target_opset=OPSETS)
    set_locale(model)
    given = [value.name for value in model.graph.output]
    taken = [value.name for value in model.graph.input]
    feeds = [Feed(name, feed.ports, feed.dtype) for name, feed in zip(taken, feeds, strict=True)]
    takes = []
    for name, shown in signatures.items():
        port, inner = shown.outputs[0], given[1 if name == PROBABILITIES else 0]
        takes.append(Take(port, inner, flat=port.shape is None and is_single(model.graph.output[0])))
    return wrapped(model, feeds, takes)


def set_locale(model: Any) -> None:
    """Have words put into lower case by a locale that every Linux has, which en_US is not."""
    for node in model.graph.node:
        if node.op_type == "StringNormalizer":
            kept = [attribute for attribute in node.attribute if attribute.name != "locale"]
            del node.attribute[:]
            node.attribute.extend([*kept, required("onnx.helper").make_attribute("locale", LOCALE)])


def is_single(output: Any) -> bool:
    """Whether an output has one value for each row, which scikit-learn gives without an axis of its own."""
    sizes = output.type.tensor_type.shape.dim
    return len(sizes) == 2 and sizes[1].dim_value == 1


def feeds_of(estimator: Any, inputs: Sequence[Port], dtype: DType) -> list[Feed]:
    """What skl2onnx's graph takes: a matrix; where the estimator chooses columns by name, each of them."""

    def kind(port: Port) -> DType:
        return DType.BYTES if port.dtype is DType.BYTES else dtype

    if inputs[0].name == MATRIX and len(inputs) == 1:
        return [Feed(MATRIX_NAME, inputs, kind(inputs[0]))]
    if chooses_columns(estimator):
        return [Feed(port.name, (port,), kind(port)) for port in inputs]
    texts = any(port.dtype is DType.BYTES for port in inputs)
    return [Feed(MATRIX_NAME, inputs, DType.BYTES if texts else dtype)]


def chooses_columns(estimator: Any) -> bool:
    """Whether columns are told apart by name in it."""
    while getattr(estimator, "steps", None):
        estimator = estimator.steps[0][1]
    return hasattr(estimator, "transformers_")


def width(port: Port) -> int:
    """The columns of one input."""
    return 1 if len(port.shape or ()) == 1 else int((port.shape or (None, 1))[1] or 1)


def forget_names(estimator: Any) -> None:
    """Take the columns' names from XGBoost's estimators, whose converter knows them only as f0, f1, ..."""
    for _, step in getattr(estimator, "steps", [("", estimator)]):
        if type(step).__module__.startswith("xgboost"):
            booster = step.get_booster()
            booster.feature_names = booster.feature_types = None


def register_boosters() -> None:
    """Have skl2onnx convert the estimators of XGBoost and LightGBM, where those are installed."""
    shapes = required("skl2onnx.common.shape_calculator")
    classifier = shapes.calculate_linear_classifier_output_shapes
    regressor = shapes.calculate_linear_regressor_output_shapes
    for library, prefix, classes in (
        ("xgboost", "XGBoost", (("XGBClassifier", classifier), ("XGBRegressor", regressor))),
        ("lightgbm", "LightGbm", (("LGBMClassifier", classifier), ("LGBMRegressor", regressor))),
    ):
        try:
            module = __import__(library)
        except ImportError:
            continue
        for name, shape in classes:
            converters = required(
                f"onnxmltools.convert.{library}.operator_converters.{CONVERTERS[library][0]}"
            )
            required("skl2onnx").update_registered_converter(
                getattr(module, name),
                f"{prefix}{name}",
                shape,
                getattr(converters, CONVERTERS[library][1]),
                options={"nocl": [True, False], "zipmap": [True, False, "columns"]}
                if shape is classifier
                else None,
            )


CONVERTERS: Final = {"xgboost": ("XGBoost", "convert_xgboost"), "lightgbm": ("LightGbm", "convert_lightgbm")}
