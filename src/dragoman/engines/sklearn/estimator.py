"""A fitted estimator's signatures: what it was trained with, and what its methods give."""

import importlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import numpy as np
from msgspec.structs import replace

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.signatures import DEFAULT_SIGNATURE, TensorSpec
from dragoman.core.tensors import BY_NUMPY, Array, DType
from dragoman.engines.sklearn.columns import text_columns, word_counters
from dragoman.engines.sklearn.dense import dense
from dragoman.engines.sklearn.options import SklearnOptions
from dragoman.engines.table_model import PROBABILITIES, Method
from dragoman.engines.tables import Table

LABELS: Final = {"i": DType.INT64, "u": DType.INT64, "b": DType.BOOL, "f": DType.FP64}


def read_table(estimator: Any, options: SklearnOptions, file: str) -> Table:
    """The columns that it was trained with.

    Errors: FAILED_PRECONDITION for what can neither predict nor transform, was not trained, or opens files
    that callers name; INVALID_ARGUMENT for an option.
    """
    what = type(estimator).__name__
    if not (callable_of(estimator, "predict") or callable_of(estimator, "transform")):
        raise unfit(file, f"{what} has neither predict nor transform")
    counters = word_counters(estimator)
    for counter in counters:
        if getattr(counter, "input", "content") != "content":
            raise unfit(file, f"its {type(counter).__name__} would open files that callers name (input)")
    width = getattr(estimator, "n_features_in_", None)
    if counters and width is None:
        check_trained(estimator, file)
        table = Table(1, flat=True)
    elif isinstance(width, int | np.integer):
        names = tuple(str(name) for name in getattr(estimator, "feature_names_in_", ()))
        texts = frozenset(options.text) | text_columns(estimator, list(names))
        table = Table(int(width), names, texts, by_name=options.columns)
    else:
        raise unfit(file, f"{what} does not say how many columns it was trained with (n_features_in_)")
    for name in options.text:
        if name not in table.names:
            raise invalid(f"options.text: {file} was trained with no column {name!r}")
    return table


def callable_of(estimator: Any, method: str) -> Callable[..., Any] | None:
    """One of its methods; None where it has it not, which pipelines tell by their last step."""
    found = getattr(estimator, method, None)
    return found if callable(found) else None


def unfit(file: str, why: str) -> DragomanError:
    """The error for an object that is not to be served."""
    return DragomanError(Code.FAILED_PRECONDITION, f"{file} does not load: {why}")


def check_trained(estimator: Any, file: str) -> None:
    """Nothing, for one that scikit-learn takes for fitted.

    Errors: FAILED_PRECONDITION.
    """
    check = importlib.import_module("sklearn.utils.validation").check_is_fitted
    try:
        check(estimator)
    except (TypeError, ValueError) as error:  # no estimator, or not fitted
        raise unfit(file, f"{type(estimator).__name__} was not fitted") from error


def methods_of(estimator: Any, table: Table) -> dict[str, Method]:
    """Its predictions, and its classes' probabilities where it gives them; else what it makes of rows."""

    def rows(columns: list[Array]) -> Any:
        return table.frame(columns) if table.names else table.matrix(columns)

    predict, classes = callable_of(estimator, "predict"), getattr(estimator, "classes_", None)
    if predict is None:
        return {DEFAULT_SIGNATURE: transforming(estimator, rows, table)}

    def predicted(columns: list[Array]) -> Any:
        return predict(rows(columns))

    output = label_spec(classes) if classes is not None else number_spec(predicted, table, "predictions")
    methods = {DEFAULT_SIGNATURE: Method(predicted, output)}
    likely = callable_of(estimator, "predict_proba")
    if likely is not None and isinstance(classes, np.ndarray):
        spec = TensorSpec("probabilities", DType.FP64, (None, len(classes)), "probabilities")
        labels = tuple(str(label) for label in classes.tolist())
        methods[PROBABILITIES] = Method(lambda columns: likely(rows(columns)), spec, labels)
    return methods


def transforming(estimator: Any, rows: Callable[[list[Array]], Any], table: Table) -> Method:
    """What gives each row as other columns."""

    def transformed(columns: list[Array]) -> Any:
        return dense(estimator.transform(rows(columns)))

    spec = number_spec(transformed, table, "transformed")
    names = callable_of(estimator, "get_feature_names_out")
    if spec.shape is None and names is not None:
        with suppress(AttributeError, ValueError):  # one of its steps cannot tell
            spec = replace(spec, shape=(None, len(names())))
    return Method(transformed, spec)


def label_spec(classes: Any) -> TensorSpec:
    """Labels: of one kind, or where there is a list of classes, of so many kinds for each row."""
    several = isinstance(classes, list)
    kinds = {np.asarray(one).dtype.kind for one in (classes if several else [classes])}
    dtype = LABELS.get(kinds.pop(), DType.BYTES) if len(kinds) == 1 else DType.BYTES
    shape = (None, len(classes)) if several else (None,)
    return TensorSpec("predictions", dtype, shape, "predictions")


def number_spec(call: Callable[[list[Array]], Any], table: Table, name: str) -> TensorSpec:
    """Values of the type and the shape that a row of zeros gives; any shape where it refuses such a row."""
    kinds = [spec.dtype for spec in table.inputs.values()]
    kinds *= table.width // len(kinds)  # a matrix is one input
    columns: list[Array] = [
        np.array([""], object) if kind is DType.BYTES else np.zeros(1, kind.numpy) for kind in kinds
    ]
    try:
        given = np.asarray(call(columns))
    except Exception:  # an encoder that knows no such value, say
        return TensorSpec(name, DType.FP64, None, name)
    dtype = DType.BYTES if given.dtype.kind in "US" else BY_NUMPY.get(given.dtype, DType.FP64)
    return TensorSpec(name, dtype, (None, *given.shape[1:]), name)
