"""Reads XGBoost's files."""

import json
from threading import Lock
from typing import Any, ClassVar, Final

import numpy as np

from dragoman.core.tensors import Array, DType
from dragoman.engines.tables import Table
from dragoman.engines.trees import TreeEngine, TreeOptions, Trees
from dragoman.engines.xgboost.ubjson import check_whole, is_ubjson

TWO: Final = ("binary:logistic",)
MANY: Final = ("multi:softprob",)


class XgboostEngine(TreeEngine):
    """XGBoost."""

    name: ClassVar[str] = "xgboost"
    looks_for: ClassVar[str] = "model.json, model.ubj, or one file *.ubj or *.bst"
    package: ClassVar[str | None] = "xgboost"
    suffixes: ClassVar[tuple[str, ...]] = (".ubj", ".bst")
    shared: ClassVar[str] = ".json"

    def read(self, library: Any, content: bytes, options: TreeOptions) -> Trees:
        """The model in a file's content.

        Errors: ValueError for an empty or cut file, which would end this process or never let it go; what
        XGBoost raises.
        """
        if not content:
            raise ValueError("it is empty")
        if is_ubjson(content):
            check_whole(content)
        booster = library.Booster(model_file=bytearray(content))
        booster.set_param({"nthread": options.threads})
        learner = json.loads(booster.save_config())["learner"]
        table = Table(
            booster.num_features(),
            tuple(booster.feature_names or ()),
            dtype=DType.FP32,
            by_name=options.columns,
        )
        linear = learner["gradient_booster"]["name"] == "gblinear"
        rounds = best_rounds(booster)

        def predict(columns: list[Array]) -> Array:
            rows = table.matrix(columns)
            if linear:  # which XGBoost does not predict in place
                return np.asarray(booster.predict(library.DMatrix(rows), validate_features=False))
            values = booster.inplace_predict(rows, iteration_range=rounds, validate_features=False)
            return np.asarray(values)

        turn = Lock()

        def contributions(columns: list[Array]) -> Array:
            rows = library.DMatrix(table.matrix(columns))
            with turn:  # which XGBoost promises for none but its in-place predictions
                found = booster.predict(
                    rows, pred_contribs=True, validate_features=False, iteration_range=rounds
                )
            return np.asarray(found)

        return Trees(table, predict, contributions, classes_of(learner), alone=linear)


def best_rounds(booster: Any) -> tuple[int, int]:
    """The rounds up to the best, as XGBoost's classes for scikit-learn use them; all of other files."""
    best = booster.attr("best_iteration")
    return (0, int(best) + 1) if best and booster.attr("scikit_learn") else (0, 0)


def classes_of(learner: Any) -> int:
    """How many classes the model gives probabilities of; 0 = none."""
    objective = learner["objective"]["name"]
    if objective in TWO and int(learner["learner_model_param"].get("num_target", 1)) == 1:
        return 2
    return int(learner["learner_model_param"]["num_class"]) if objective in MANY else 0
