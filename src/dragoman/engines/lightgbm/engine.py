"""Reads LightGBM's files."""

import logging
from typing import Any, ClassVar, Final

import numpy as np

from dragoman.core.tensors import Array, DType
from dragoman.engines.tables import Table
from dragoman.engines.trees import TreeEngine, TreeOptions, Trees

START: Final = b"tree\n"
END: Final = b"\nend of trees"  # a file that is cut off would load with fewer trees
PARAMETERS: Final = (b"\nparameters:", b"\nend of parameters")  # after them; LightGBM dies of the half
MANY: Final = ("multiclass", "multiclassova")


class LightGbmEngine(TreeEngine):
    """LightGBM."""

    name: ClassVar[str] = "lightgbm"
    looks_for: ClassVar[str] = "model.txt"
    package: ClassVar[str | None] = "lightgbm"
    suffixes: ClassVar[tuple[str, ...]] = ()
    shared: ClassVar[str] = ".txt"

    def read(self, library: Any, content: bytes, options: TreeOptions) -> Trees:
        """The model in a file's content.

        Errors: ValueError for what does not begin or end as its files do; what LightGBM raises.
        """
        if not content.replace(b"\r\n", b"\n").startswith(START) or END not in content:
            raise ValueError("it does not begin or end as LightGBM's files do")
        if (PARAMETERS[0] in content) != (PARAMETERS[1] in content):
            raise ValueError("it ends inside its parameters")
        library.register_logger(logging.getLogger("lightgbm"))  # instead of printing
        booster = library.Booster(model_str=content.decode())
        table = Table(booster.num_feature(), names_of(booster), dtype=DType.FP64, by_name=options.columns)

        def predict(columns: list[Array]) -> Array:
            rows = table.matrix(columns)
            return np.asarray(booster.predict(rows, num_threads=options.threads))

        def contributions(columns: list[Array]) -> Array:
            rows = table.matrix(columns)
            return np.asarray(booster.predict(rows, pred_contrib=True, num_threads=options.threads))

        objective = str(booster.params.get("objective", ""))
        if objective == "binary":
            return Trees(table, predict, contributions, 2)
        classes = booster.num_model_per_iteration() if objective in MANY else 0
        return Trees(table, predict, contributions, classes)


def names_of(booster: Any) -> tuple[str, ...]:
    """The columns' names; none where LightGBM made them up."""
    names = tuple(booster.feature_name())
    return () if names == tuple(f"Column_{index}" for index in range(len(names))) else names
