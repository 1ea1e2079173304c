"""What engines of boosted trees have in common: their options, their signatures, how a file is read."""

import importlib
import os
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

import numpy as np
import structlog
from msgspec import Struct

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.signatures import DEFAULT_SIGNATURE, TensorSpec
from dragoman.core.tensors import Array, DType
from dragoman.engines.base import Artifact, Claim, Engine, Resources, TreeSnapshot
from dragoman.engines.cores import default_per_core
from dragoman.engines.options import read_options
from dragoman.engines.table_model import PROBABILITIES, Method, TableModel, check_concurrency
from dragoman.engines.tables import Table, missing, only_file
from dragoman.settings.model import ModelSettings

LABELS: Final = "predict_label"  # the signature
MEMORY_FACTOR: Final = 4  # the file, its text as it is read, and the trees


class TreeOptions(Struct, frozen=True, kw_only=True):
    """Options of the engines `xgboost` and `lightgbm`."""

    columns: bool = True  # one input for each column, where the model was trained with names; else one matrix
    threads: int = 1  # inside one call
    concurrency: int = 0  # calls at once; 0 = one per core, at most 4


class Trees(Struct, frozen=True):
    """A model as its library read it. `classes` = how many it tells apart; 0 = it gives other numbers.

    `contributions` = what each column adds, as the library gives it: by TreeSHAP, and before a link function.
    """

    table: Table
    predict: Callable[[list[Array]], Array]
    contributions: Callable[[list[Array]], Array]
    classes: int = 0
    alone: bool = False  # whether it takes one call at a time


class TreeEngine(Engine):
    """A library of boosted trees. Its files are data; damaged ones can end the process that reads them."""

    suffixes: ClassVar[tuple[str, ...]]  # of files that are its own
    shared: ClassVar[str]  # that of files which others have, too: claimed where they are called model

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        """A file of the library's own suffix; one of a common suffix where its name or its owner says so.

        A note beside the versions of a model is no model.
        """
        top = files.top_level
        if f"model{cls.shared}" in top:
            found: str | None = f"model{cls.shared}"
        elif settings.engine == cls.name:
            found = only_file(top, (*cls.suffixes, cls.shared))
        else:
            found = only_file(top, cls.suffixes) if cls.suffixes else None
        return None if found is None else Claim(found, (found,))

    def estimate(self, artifact: Artifact) -> Resources:
        """An upper bound from the size of the file."""
        return Resources(MEMORY_FACTOR * os.path.getsize(artifact.path))

    @abstractmethod
    def read(self, library: Any, content: bytes, options: TreeOptions) -> Trees:
        """The model in a file's content; what the library raises where it is none."""

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> TableModel:
        """The model, ready for `infer`.

        Errors: INVALID_ARGUMENT for an option; NOT_FOUND for a file that is not there; FAILED_PRECONDITION
        where the package is missing; INTERNAL for a file that the library refuses.
        """
        chosen = read_options(options, TreeOptions, self.name)
        check_concurrency(chosen.concurrency)
        if chosen.threads < 1:
            raise invalid("options.threads: the least is 1")
        file = os.path.basename(artifact.path)
        if not os.path.isfile(artifact.path):
            raise DragomanError(Code.NOT_FOUND, f"{file} does not load: there is no such file")
        library = self._library()
        with open(artifact.path, "rb") as opened:
            content = opened.read()
        try:
            trees = self.read(library, content, chosen)
            methods = methods_of(trees)
        except Exception as error:
            structlog.get_logger("dragoman.engines.trees").error(
                "a file was refused", model=artifact.model, version=artifact.version, cause=str(error)
            )
            message = f"{file} does not load: it is no model of {self.name}, truncated or damaged"
            raise DragomanError(Code.INTERNAL, f"{message}; the log tells more") from error
        at_once = 1 if trees.alone else chosen.concurrency or default_per_core()
        title = f"model {artifact.model} version {artifact.version}"
        return TableModel(trees.table, methods, at_once, title)

    def _library(self) -> Any:
        try:
            return importlib.import_module(self.name)
        except ImportError as error:
            message = missing(self.name, self.name, "trees")
            raise DragomanError(Code.FAILED_PRECONDITION, message) from error


def methods_of(trees: Trees) -> dict[str, Method]:
    """The library's own predictions; the probability of each class and the likeliest, where there are any."""
    predict = trees.predict
    given = predict([np.zeros(1, trees.table.dtype.numpy)] * trees.table.width)
    output = TensorSpec("predictions", trees.table.dtype, (None, *given.shape[1:]), "predictions")

    def contributions(columns: list[Array]) -> Array:
        found = trees.contributions(columns)
        return found.reshape(len(found), -1, trees.table.width + 1)

    methods = {DEFAULT_SIGNATURE: Method(predict, output, contributions=contributions)}
    if trees.classes:
        spec = TensorSpec("probabilities", output.dtype, (None, trees.classes), "probabilities")
        names = tuple(str(index) for index in range(trees.classes))
        methods[PROBABILITIES] = Method(
            lambda columns: probabilities(predict(columns)),
            spec,
            names,
            lambda columns: of_each_class(contributions(columns)),
        )
        labels = TensorSpec("labels", DType.INT64, (None,), "labels")
        methods[LABELS] = Method(lambda columns: probabilities(predict(columns)).argmax(axis=1), labels)
    return methods


def of_each_class(given: Array) -> Array:
    """What is added to each class, also where the library tells only of the second of two."""
    return np.concatenate([-given, given], axis=1) if given.shape[1] == 1 else given


def probabilities(given: Array) -> Array:
    """One for each class, also where the library gives only that of the second of two."""
    return given if given.ndim == 2 else np.stack([1 - given, given], axis=1)
