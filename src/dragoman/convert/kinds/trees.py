"""Boosters of XGBoost and LightGBM, through onnxmltools."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any, Final

from dragoman.convert.graph import Feed, Take, wrapped
from dragoman.convert.hints import point_hint
from dragoman.convert.messages import Done, Form, Hint, Order, Port, Shown
from dragoman.convert.packages import required
from dragoman.convert.protobuf import exact_attributes
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.tensors import DType
from dragoman.engines.table_model import PROBABILITIES
from dragoman.engines.trees import LABELS

MATRIX_NAME: Final = "X"
DOUBLE: Final = "float64 values, float32 sums"
SINGLE: Final = "float32"


def convert(order: Order, say: Callable[[str], None]) -> Done:
    """The booster's file.

    Errors: FAILED_PRECONDITION for a missing package; what onnxmltools raises.
    """
    tools = required("onnxmltools")
    exact_attributes()
    say(f"reading {os.path.basename(order.path)}")
    library = required(order.engine)
    booster = READERS[order.engine](library, order.path)
    forms = []
    failure: Exception | None = None
    for number, (name, dtype) in enumerate(PRECISIONS[order.engine]):
        say(f"converting to ONNX ({name})")
        try:
            model = CONVERTERS[order.engine](tools, booster, dtype, booster_width(order))
            model = wrapped(model, *ports(model, order.signatures, dtype))
        except Exception as error:
            failure = failure or error
            continue
        required("onnx").save(model, os.path.join(order.folder, f"{number}.onnx"))
        forms.append(Form(f"{number}.onnx", name))
    if not forms and failure is not None:
        raise failure
    return Done(tuple(forms), tuple(HINTS[order.engine](booster, booster_width(order))))


def booster_width(order: Order) -> int:
    """How many columns it takes."""
    inputs = order.signatures[DEFAULT_SIGNATURE].inputs
    shape = inputs[0].shape or ()
    return int(shape[1] or 0) if len(shape) == 2 else len(inputs)


def ports(model: Any, signatures: dict[str, Shown], dtype: DType) -> tuple[list[Feed], list[Take]]:
    """How the converter's graph is fed, and what is taken of it: labels are the places of the likeliest."""
    given = [value.name for value in model.graph.output]
    numbers = given[-1]  # of classifiers the probabilities, behind the labels
    feeds = [Feed(model.graph.input[0].name, next(iter(signatures.values())).inputs, dtype)]
    takes = []
    for name, shown in signatures.items():
        port: Port = shown.outputs[0]
        one_of_two = name == DEFAULT_SIGNATURE and PROBABILITIES in signatures and len(port.shape or ()) == 1
        takes.append(Take(port, numbers, column=1 if one_of_two else None, best=name == LABELS))
    return feeds, takes


def read_xgboost(library: Any, path: str) -> Any:
    """The booster, cut to its best rounds where it was stopped early by the class for scikit-learn."""
    booster = library.Booster(model_file=path)
    best = booster.attr("best_iteration")
    return booster[: int(best) + 1] if best and booster.attr("scikit_learn") else booster


def read_lightgbm(library: Any, path: str) -> Any:
    """The booster."""
    return library.Booster(model_file=path)


def from_xgboost(tools: Any, booster: Any, dtype: DType, width: int) -> Any:
    """The graph; the converter knows columns only as f0, f1, ..."""
    booster.feature_names = booster.feature_types = None
    return tools.convert_xgboost(booster, initial_types=[initial(dtype, width)])


def from_lightgbm(tools: Any, booster: Any, dtype: DType, width: int) -> Any:
    """The graph."""
    return tools.convert_lightgbm(booster, initial_types=[initial(dtype, width)], zipmap=False)


def initial(dtype: DType, width: int) -> tuple[str, Any]:
    """The input of the converter's graph."""
    types = required("onnxmltools.convert.common.data_types")
    kind = types.DoubleTensorType if dtype is DType.FP64 else types.FloatTensorType
    return MATRIX_NAME, kind([None, width])


def xgboost_hints(booster: Any, width: int) -> Iterator[Hint]:
    """What its thresholds tell of the columns."""
    found: dict[int, list[float]] = {}
    learner = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]
    for tree in learner.get("model", {}).get("trees", []):
        splits = zip(tree["split_indices"], tree["split_conditions"], tree["left_children"], strict=True)
        for column, value, left in splits:
            if left >= 0:
                found.setdefault(column, []).append(float(value))
    yield from (point_hint(found.get(column, [])) for column in range(width))


def lightgbm_hints(booster: Any, width: int) -> Iterator[Hint]:
    """The same."""
    found: dict[int, list[float]] = {}
    left = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    while left:
        node = left.pop()
        if "split_feature" in node:
            if isinstance(node["threshold"], float | int):  # not a category
                found.setdefault(node["split_feature"], []).append(float(node["threshold"]))
            left += [node["left_child"], node["right_child"]]
    yield from (point_hint(found.get(column, [])) for column in range(width))


READERS: Final = {"xgboost": read_xgboost, "lightgbm": read_lightgbm}
CONVERTERS: Final = {"xgboost": from_xgboost, "lightgbm": from_lightgbm}
HINTS: Final = {"xgboost": xgboost_hints, "lightgbm": lightgbm_hints}
PRECISIONS: Final = {
    "xgboost": ((SINGLE, DType.FP32),),
    "lightgbm": ((DOUBLE, DType.FP64), (SINGLE, DType.FP32)),
}
