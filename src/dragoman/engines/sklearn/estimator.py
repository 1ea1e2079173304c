"""A fitted estimator's signatures: what it was trained with, and what its methods give."""

from typing import Any, Final

import numpy as np

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.signatures import DEFAULT_SIGNATURE, TensorSpec
from dragoman.core.tensors import BY_NUMPY, Array, DType
from dragoman.engines.sklearn.columns import text_columns
from dragoman.engines.sklearn.options import SklearnOptions
from dragoman.engines.table_model import PROBABILITIES, Method
from dragoman.engines.tables import Table

LABELS: Final = {"i": DType.INT64, "u": DType.INT64, "b": DType.BOOL, "f": DType.FP64}


def read_table(estimator: Any, options: SklearnOptions, file: str) -> Table:
    """The columns that it was trained with.

    Errors: FAILED_PRECONDITION for what cannot predict, or was not trained; INVALID_ARGUMENT for an option.
    """
    if not callable(getattr(estimator, "predict", None)):
        what = type(estimator).__name__
        raise DragomanError(Code.FAILED_PRECONDITION, f"{file} does not load: {what} has no predict")
    width = getattr(estimator, "n_features_in_", None)
    if not isinstance(width, int | np.integer):
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            f"{file} does not load: {type(estimator).__name__} does not say how many columns it was trained "
            "with (n_features_in_)",
        )
    names = tuple(str(name) for name in getattr(estimator, "feature_names_in_", ()))
    for name in options.text:
        if name not in names:
            raise invalid(f"options.text: {file} was trained with no column {name!r}")
    texts = frozenset(options.text) | text_columns(estimator, list(names))
    return Table(int(width), names, texts, by_name=options.columns)


def methods_of(estimator: Any, table: Table) -> dict[str, Method]:
    """Its predictions, and the probabilities of its classes where it gives them."""

    def rows(columns: list[Array]) -> Any:
        return table.frame(columns) if table.names else table.matrix(columns)

    predict, classes = estimator.predict, getattr(estimator, "classes_", None)
    output = label_spec(classes) if classes is not None else number_spec(estimator, table)
    methods = {DEFAULT_SIGNATURE: Method(lambda columns: predict(rows(columns)), output)}
    likely = getattr(estimator, "predict_proba", None)
    if callable(likely) and isinstance(classes, np.ndarray):
        spec = TensorSpec("probabilities", DType.FP64, (None, len(classes)), "probabilities")
        labels = tuple(str(label) for label in classes.tolist())
        methods[PROBABILITIES] = Method(lambda columns: likely(rows(columns)), spec, labels)
    return methods


def label_spec(classes: Any) -> TensorSpec:
    """Labels: of one kind, or where there is a list of classes, of so many kinds for each row."""
    several = isinstance(classes, list)
    kinds = {np.asarray(one).dtype.kind for one in (classes if several else [classes])}
    dtype = LABELS.get(kinds.pop(), DType.BYTES) if len(kinds) == 1 else DType.BYTES
    shape = (None, len(classes)) if several else (None,)
    return TensorSpec("predictions", dtype, shape, "predictions")


def number_spec(estimator: Any, table: Table) -> TensorSpec:
    """Numbers of the type and the shape that a row of zeros gives; any shape where it refuses such a row."""
    kinds = [spec.dtype for spec in table.inputs.values()]
    kinds *= table.width // len(kinds)  # a matrix is one input
    columns: list[Array] = [
        np.array([""], object) if kind is DType.BYTES else np.zeros(1, kind.numpy) for kind in kinds
    ]
    rows = table.frame(columns) if table.names else table.matrix(columns)
    try:
        given = np.asarray(estimator.predict(rows))
    except Exception:  # an encoder that knows no such value, say
        return TensorSpec("predictions", DType.FP64, None, "predictions")
    dtype = BY_NUMPY.get(given.dtype, DType.FP64)
    return TensorSpec("predictions", dtype, (None, *given.shape[1:]), "predictions")
